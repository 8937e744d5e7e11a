"""Enrollments through `azure-iot-deviceprovisioning`."""

import os

import witness
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.iot.deviceprovisioning import DeviceProvisioningClient
from witness import FACTS, expect, raised

# As `az` is led there, which uses the same library below.
witness.by_environment()
INSTANCE = witness.connection_string("my-dps.azure-devices-provisioning.net")

KEYS = {"type": "symmetricKey"}  # the service makes the keys


def client(connection_string=None):
    return DeviceProvisioningClient.from_connection_string(
        connection_string or INSTANCE,
        connection_verify=FACTS["caFile"],
        connection_timeout=10,
        read_timeout=10,
        retry_total=0,  # otherwise a 500 is tried again and hidden
    )


def lifecycle(records, key, name):
    """Create, read, update by ETag, delete: what enrollments and groups have in common."""
    made = records.create_or_update(name, {key: name, "attestation": KEYS})
    expect(made[key], name, key)
    expect(made["provisioningStatus"], "enabled", "status")

    read = records.get(name)
    expect(read["etag"], made["etag"], "ETag")

    # Without an ETag it is another creation.
    error = raised(HttpResponseError, lambda: records.create_or_update(name, {key: name, "attestation": KEYS}))
    expect(error.status_code, 409, "status of the second creation")

    read["provisioningStatus"] = "disabled"
    changed = records.create_or_update(name, read, if_match=read["etag"])
    expect(changed["provisioningStatus"], "disabled", "status")
    if changed["etag"] == made["etag"]:
        raise AssertionError("the ETag did not change with the record")

    # The first ETag is now stale, for changes and for deletion.
    stale = {"if_match": made["etag"]}
    error = raised(HttpResponseError, lambda: records.create_or_update(name, read, **stale))
    expect(error.status_code, 412, "status of the stale update")
    error = raised(HttpResponseError, lambda: records.delete(name, **stale))
    expect(error.status_code, 412, "status of the stale deletion")

    keys = records.get_attestation_mechanism(name)["symmetricKey"]
    expect(len(keys), 2, "number of keys")

    records.delete(name, if_match=changed["etag"])
    raised(ResourceNotFoundError, lambda: records.get(name))
    return f"{name} created, read, changed and deleted"


def paging(records, key):
    prefix = f"python-page-{os.getpid()}-"
    names = {f"{prefix}{n}" for n in range(5)}
    for name in names:
        records.create_or_update(name, {key: name, "attestation": KEYS})
    table = "enrollments" if key == "registrationId" else "enrollmentGroups"
    pages = [list(page) for page in records.query({"query": f"SELECT * FROM {table}"}, top=2).by_page()]
    if max(map(len, pages)) > 2:
        raise AssertionError(f"pages of {[len(page) for page in pages]}, though 2 were asked for")
    found = [record[key] for page in pages for record in page if record[key].startswith(prefix)]
    expect(sorted(found), sorted(names), "all of them, once each")
    for name in names:
        records.delete(name)
    return f"{len(found)} found on {len(pages)} pages"


def bulk(records, key, member):
    names = [f"python-bulk-{os.getpid()}-{n}" for n in range(3)]
    entries = [{key: name, "attestation": KEYS} for name in names]
    made = records.run_bulk_operation({"mode": "create", member: entries})
    expect((made["isSuccessful"], made.get("errors", [])), (True, []), "creation")
    expect(records.get(names[2])[key], names[2], key)
    # Creating one again is that one's error and nobody else's.
    again = records.run_bulk_operation({"mode": "create", member: entries[:1]})
    expect((again["isSuccessful"], len(again["errors"])), (False, 1), "second creation")
    gone = records.run_bulk_operation({"mode": "delete", member: entries})
    expect(gone["isSuccessful"], True, "deletion")
    raised(ResourceNotFoundError, lambda: records.get(names[0]))
    return f"{len(names)} created and deleted; again: {again['errors'][0]}"


def wrong_key():
    parts = [part for part in INSTANCE.split(";") if part]
    wrong = [p if not p.startswith("SharedAccessKey=") else "SharedAccessKey=d3Jvbmc=" for p in parts]
    records = client(";".join(wrong)).enrollment
    error = raised(ClientAuthenticationError, lambda: records.get("python-device"))
    expect(error.status_code, 401, "status")
    return f"{type(error).__name__}: {error.status_code}"


if __name__ == "__main__":
    witness.main(
        {
            "enrollment": lambda: lifecycle(client().enrollment, "registrationId", "python:device_1.a"),
            "group": lambda: lifecycle(client().enrollment_group, "enrollmentGroupId", "python-group"),
            "enrollment-pages": lambda: paging(client().enrollment, "registrationId"),
            "group-pages": lambda: paging(client().enrollment_group, "enrollmentGroupId"),
            "enrollment-bulk": lambda: bulk(client().enrollment, "registrationId", "enrollments"),
            "group-bulk": lambda: bulk(client().enrollment_group, "enrollmentGroupId", "enrollmentGroups"),
            "wrong-key": wrong_key,
        }
    )
