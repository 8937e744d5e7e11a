"""`Dps`, with devices that need no SDK."""

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from provision_sim import (
    AllocationError,
    ApiError,
    Dps,
    DpsError,
    Refuse,
    StartError,
    WaitError,
    derive_device_key,
    find_binary,
)

WEST, EAST = "hub-west.azure-devices.net", "hub-east.azure-devices.net"
OTHER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
KEY = "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA=="


def config(**members):
    group = {"enrollmentGroupId": "pumps", "attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": KEY}}}
    return {"idScope": "0ne000A1B2C", "linkedHubs": [WEST], "enrollmentGroups": [group], **members}


TEXT = f"""
idScope = "0ne000A1B2C"
linkedHubs = ["{WEST}"]
[[enrollmentGroups]]
enrollmentGroupId = "pumps"
attestation = {{ type = "symmetricKey", symmetricKey.primaryKey = "{KEY}" }}
"""


def test_keys_are_derived_as_dps_does():
    # The key that the tutorial's group gives (D.3).
    assert derive_device_key(KEY, "contoso-toaster-007") == derive_device_key(KEY, "Contoso-Toaster-007")
    command = [find_binary(), "derive-key", "--group-key", KEY, "--reg-id", "contoso-toaster-007"]
    derived = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert derive_device_key(KEY, "contoso-toaster-007") == derived
    with pytest.raises(ValueError, match="Base64"):
        derive_device_key("no key", "contoso-toaster-007")


@pytest.mark.parametrize("form", ["mapping", "text", "file"])
def test_a_configuration_in_every_form(form, tmp_path, new_device):
    (tmp_path / "dps.toml").write_text(TEXT)
    given = {"mapping": config(), "text": TEXT, "file": tmp_path / "dps.toml"}[form]

    with Dps(given) as dps:
        assert dps.id_scope == "0ne000A1B2C"
        assert dps.group_key == KEY
        told = new_device(dps).register("pump-1")

    assert told["registrationState"]["assignedHub"] == WEST


def test_a_mapping_says_what_toml_can_say(new_device):
    hostile = 'a "b" \\ \n\t\x7f ü 😀'
    quoted = {"enrollmentGroupId": "q", "initialTwin": {"tags": {'odd-ß"key"': hostile, "n": [1, 2.5, True]}}}

    with Dps(config(enrollmentGroups=[{**config()["enrollmentGroups"][0], **quoted}])) as dps:
        new_device(dps).register("pump-1")
        assert dps.twin("pump-1").tags == {'odd-ß"key"': hostile, "n": [1, 2.5, True]}
    with pytest.raises(TypeError, match=r"enrollmentGroups\[0\]\.x is <object"):
        Dps({"enrollmentGroups": [{"x": object()}]}).start()


@pytest.mark.dps(hubs=[WEST, EAST])
def test_hubs_make_a_world_that_takes_every_device(dps, device):
    told = device.register("anything")
    assert told["registrationState"]["assignedHub"] in (WEST, EAST)
    assert dps.journal()[0].enrollment == "local-devices"
    assert dps.device_key("anything") == derive_device_key(dps.group_key, "anything")


def test_whose_key_is_asked_for_where_several_groups_could_be_meant(new_device):
    groups = [{**config()["enrollmentGroups"][0], "enrollmentGroupId": name} for name in ("pumps", "kettles")]
    del groups[1]["attestation"]["symmetricKey"]
    groups[1]["attestation"] = {"type": "symmetricKey"}
    with Dps(config(enrollmentGroups=groups)) as dps:
        with pytest.raises(DpsError, match="pumps, kettles|kettles, pumps"):
            dps.device_key("pump-1")
        assert new_device(dps).register("pump-1", group="pumps")["status"] == "assigned"
        with pytest.raises(ApiError, match="404"):
            dps.group("toasters")


def test_an_individual_enrollment_goes_before_the_groups(dps, device):
    enrollment = dps.enroll("Contoso-Toaster-1", hub="contoso-toasters-hub-1098.azure-devices.net")

    assert dps.device_key("contoso-toaster-1") == enrollment.primary_key
    assert device.register("contoso-toaster-1")["status"] == "assigned"
    assert dps.registration("contoso-toaster-1").enrollment == "Contoso-Toaster-1"


def test_a_device_with_a_tpm(dps, device, tmp_path):
    state = tmp_path / "tpm.pem"
    show = [find_binary(), "tpm", "show", "--tpm-state", state, "-o", "json"]
    shown = json.loads(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
    dps.enroll("with-tpm", endorsement_key=shown["endorsementKey"])

    assert device.register("with-tpm", transport="https", tpm=state)["status"] == "assigned"
    entry = dps.journal("with-tpm")[-1]
    assert entry.attestation == {"type": "tpm"}
    assert entry.challenge["answered"] is not None
    assert (entry.certificate, entry.renewals) == (None, ())
    with pytest.raises(TypeError, match="either keys"):
        dps.enroll("both", primary_key=KEY, endorsement_key=shown["endorsementKey"])


def test_a_device_that_is_issued_a_certificate(dps, device, tmp_path):
    dps.enroll("pump-1", members={"certificatePolicyName": "default"})

    told = device.register("pump-1", more=["--new-key", tmp_path / "pump.key"])

    assert len(told["registrationState"]["issuedCertificateChain"]) == 3
    certificate = dps.journal("pump-1")[-1].certificate
    assert (certificate["subject"], certificate["policy"]) == ("CN=pump-1", "default")


def test_enrollments_are_changed_and_deleted(dps, device):
    group = dps.enroll(group="kettles", primary_key=OTHER_KEY, disabled=True)
    assert group.device_key("kettle-1") == derive_device_key(OTHER_KEY, "kettle-1")
    assert device.register("kettle-1", group="kettles")["error"]["kind"]
    assert dps.journal("kettle-1")[-1].status == "disabled"

    group.enable()
    assert device.register("kettle-1", group="kettles")["status"] == "assigned"
    assert group.primary_key == OTHER_KEY, "a change of the record leaves the keys alone"

    key = group.device_key("kettle-1")
    group.delete()
    assert device.register("kettle-1", key=key)["error"]["exitCode"] == 4
    with pytest.raises(ApiError) as raised:
        group.disable()
    assert raised.value.status == 404
    with pytest.raises(TypeError):
        dps.enroll()
    with pytest.raises(ApiError, match="409"):
        dps.enroll("twice") and dps.enroll("twice")


def test_waiting_ends_when_the_registration_does(dps, device):
    started = threading.Thread(target=device.register, args=("pump-1",))
    started.start()
    first = dps.wait_for_registration("pump-1", timeout=30)
    started.join()

    assert (first.status, first.sequence) == ("assigned", 1)
    assert dps.wait_for_registration("PUMP-1") == dps.journal("pump-1")[0]
    device.register("pump-1")
    assert dps.wait_for_registration("pump-1", after=first.sequence).sequence == 2


def test_waiting_in_vain_shows_the_whole_conversation(dps, device):
    device.register("contoso-heatpump-1", payload={"model": "\x1b[2J"})
    with pytest.raises(WaitError) as raised:
        dps.wait_for_registration("contoso-heatpump-1", timeout=0.05, status="assigned")

    text = str(raised.value)
    assert text.startswith("no registration of contoso-heatpump-1 has ended as assigned within 0.05 s\n  #1 failed")
    for line in (
        "#1 contoso-heatpump-1 through enrollment group contoso-custom-allocated-devices: failed with 400207: Custom",
        "ms  device   connects over MQTT from 127.0.0.1:",
        "ms  service  checks and finds good: the user name, the client ID, ",
        "ms  webhook  answers 400 after",
        ": Unrecognized device registration.",
        "ms  service  ends it with 400207: Custom allocation failed with status code: 400",
        "contoso-heatpump-1: registers at ID scope",
    ):
        assert line in text
    assert "\x1b" not in text


def test_a_wrong_key_is_explained(dps, device):
    told = device.register("contoso-toaster-1", key=OTHER_KEY)

    assert told["error"]["code"] == 401000
    entry = dps.wait_for_registration("contoso-toaster-1")
    assert (entry.status, entry.failed_check) == ("refused", "signature")
    assert dps.registration("contoso-toaster-1") is None
    bad = [moment.title for moment in dps.timeline(entry) if moment.outcome == "bad"]
    assert bad[:2] == ["checks the token's signature", "refuses it with 401000 for signature"]
    told = dps.conversation()
    assert "refused with 401000; the check that failed: signature" in told
    dps.stop()
    assert "ms  service  checks the token's signature: " in dps.conversation()


@pytest.mark.dps(hubs=[WEST])
def test_what_a_function_raises_ends_the_with(new_device):
    def broken(request):
        return request["noSuchMember"]

    with pytest.raises(AllocationError, match="KeyError") as raised:
        with Dps(hubs=[WEST], allocation=broken) as dps:
            assert new_device(dps).register("pump-1")["error"]["code"] == 400207
    assert isinstance(raised.value.__cause__, KeyError)
    assert 'return request["noSuchMember"]' in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (lambda _: WEST, "assigned", None),
        (lambda _: {"iotHubHostName": WEST}, "assigned", None),
        (lambda _: Refuse("not you", 403), "failed", "not you"),
        (lambda _: "hub-south.azure-devices.net", "failed", "hub-south"),
    ],
)
def test_answers_of_functions(answer, status, reason, new_device):
    with Dps(hubs=[WEST], allocation=answer) as dps:
        new_device(dps).register("pump-1")
        entry = dps.wait_for_registration("pump-1")

    assert entry.status == status
    assert reason is None or reason in entry.reason


def test_an_answer_that_is_none_says_what_was_expected(new_device):
    with pytest.raises(AllocationError, match="returned None: expected the name of a hub"):
        with Dps(hubs=[WEST], allocation=lambda _: None) as dps:
            new_device(dps).register("pump-1")


@pytest.mark.dps(hubs=[WEST, EAST], allocation=lambda request: request["linkedHubs"][1])
def test_a_reset_forgets_devices_and_keeps_the_function(dps, device):
    device.register("pump-1")
    dps.enroll("pump-2")
    dps.reset()

    assert dps.journal() == []
    assert dps.registration("pump-1") is None and dps.twin("pump-1") is None
    with pytest.raises(ApiError):
        dps.enrollment("pump-2")
    assert device.register("pump-1")["registrationState"]["assignedHub"] == EAST


def test_a_desired_property_is_set_and_removed(dps, device):
    device.register("pump-1")
    assert dps.set_desired("pump-1", {"a": 1, "b": {"c": 2}}).desired == {"a": 1, "b": {"c": 2}}
    assert dps.set_desired("pump-1", {"a": None}).desired == {"b": {"c": 2}}
    with pytest.raises(ApiError, match="404"):
        dps.set_desired("nobody", {"a": 1})


@pytest.mark.dps(quotas={"operations": "1/1h"})
def test_quotas_are_kept(dps):
    dps.enroll("pump-1")
    with pytest.raises(ApiError) as raised:
        dps.enroll("pump-2")
    assert raised.value.status == 429


def test_a_mistake_in_the_configuration_is_shown():
    with pytest.raises(StartError, match="exit code 2") as raised:
        Dps({"idScope": "0ne1", "linkedHubs": ["hub"], "enrollmentGroup": []}).start()
    assert "enrollmentGroup" in str(raised.value)
    with pytest.raises(StartError, match="no-such-file.toml"):
        Dps("no-such-file.toml").start()
    with pytest.raises(StartError, match="cannot be run"):
        Dps(binary="/no/such/program").start()
    with pytest.raises(TypeError, match="either config or"):
        Dps("dps.toml", hubs=[WEST])
    with pytest.raises(TypeError, match="list"):
        Dps(hubs=WEST)
    with pytest.raises(DpsError, match="use it in a `with`"):
        Dps().mqtt


def test_nothing_of_the_users_own_environment_gets_in(monkeypatch, tmp_path):
    for name in ("HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "PROVISION_SIM_CONNECTION_STRING"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Dps() as dps:
        dps.enroll("pump-1")
        assert not dps.ca_file.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind():
    dps = Dps().start()
    folder = os.path.dirname(dps.ca_file)
    assert os.path.exists(folder)
    dps.enroll("pump-1")
    dps.stop()
    dps.stop()

    assert not os.path.exists(folder)
    assert "pump-1 was stored" in dps.log and dps.journal() == []
    with pytest.raises(DpsError, match="any more"):
        dps.gateway
    with pytest.raises(DpsError, match="already"):
        dps.start()


@pytest.mark.parametrize("end", ["killed", "ended", "forgotten"])
def test_the_service_ends_with_the_process_that_started_it(end):
    last = {"killed": "sys.stdin.read()", "ended": "", "forgotten": "del dps; gc.collect(); sys.stdin.read()"}[end]
    program = (
        f"import gc, sys; from provision_sim import Dps; dps = Dps().start(); print(dps.admin, flush=True); {last}"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    host, port = process.stdout.readline().strip().split(":")
    try:
        connection = socket.create_connection((host, int(port)), timeout=30)
    except ConnectionRefusedError:
        assert end != "killed"  # it was faster than this
    else:
        if end == "killed":
            process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        with connection:
            # The system closes the connections of a process that is gone.
            assert closes(connection)
    process.communicate()


def closes(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_service_that_died_says_so(dps):
    dps._process._child.kill()
    with pytest.raises(StartError, match="has ended by itself"):
        dps.wait_for_registration("pump-1")
    with pytest.raises(StartError, match="has ended by itself"):
        dps.enroll("pump-1")
    assert "The service saw no registration" in dps.conversation()


def test_waiting_ends_when_the_service_does(dps):
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = threads.submit(dps.wait_for_registration, "pump-1", timeout=60)
        dps._process._child.kill()
        with pytest.raises(StartError, match="has ended by itself"):
            waiting.result()


def test_a_fork_does_not_end_the_service(dps):
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    if os.fork() == 0:
        try:
            dps._process.stop()
        finally:
            os._exit(0)
    os.wait()
    assert dps.journal() == []


def test_many_services_side_by_side(new_device):
    started = [Dps(hubs=[WEST]) for _ in range(4)]
    try:
        for each in started:
            each.start()
        assert len({each.gateway for each in started}) == 4
        for number, each in enumerate(started):
            new_device(each).register(f"pump-{number}", transport="https")
        assert [each.journal()[0].registration_id for each in started] == ["pump-0", "pump-1", "pump-2", "pump-3"]
    finally:
        for each in started:
            each.stop()


def test_the_program_is_the_one_that_was_named(monkeypatch):
    monkeypatch.setenv("PROVISION_SIM", "/no/such/program")
    with pytest.raises(StartError, match="/no/such/program"):
        find_binary()


def test_python_runs_the_program():
    ran = subprocess.run([sys.executable, "-m", "provision_sim", "--version"], capture_output=True, text=True)
    assert ran.stdout.startswith("provision-sim ")
    ran = subprocess.run([sys.executable, "-m", "provision_sim", "no-such-command"], capture_output=True, text=True)
    assert ran.returncode == 2


def test_faults_strike_and_are_counted_and_removed(dps, device):
    with dps.fault("register status=429 retry-after=1 times=1 device=contoso-toaster-*") as fault:
        assert (fault.struck, fault.rule) == (0, "register device=contoso-toaster-* times=1 status=429 retry-after=1")
        assert device.register("contoso-toaster-007")["status"] == "assigned", "it asks again"
        assert (fault.struck, fault.matched) == (1, 2)
        assert [each.id for each in dps.faults()] == [fault.id]
    assert dps.faults() == [] and fault.struck == 1, "as it was when it was removed"
    fault.remove()
    refused = dps.journal("contoso-toaster-007", status="refused")
    assert [entry.failed_check for entry in refused] == ["fault"]
    assert f"fault {fault.id} strikes (1)" in dps.log
    dps.fault("poll status=500")
    dps.fault("tls close")
    dps.clear_faults()
    assert dps.faults() == []


def test_a_rule_that_is_none_is_refused_with_the_reason(dps):
    for rule, told in [
        ("poll statsu=503", "did you mean status"),
        ("poll connack=5", "can never strike at poll"),
        ("", "the rule is empty"),
    ]:
        with pytest.raises(ApiError, match=told):
            dps.fault(rule)
    assert dps.faults() == []


def test_a_fault_outlives_its_service_in_peace():
    with Dps() as dps:
        fault = dps.fault("poll silence")
    fault.remove()
    assert fault.struck == 0 and str(fault.id) in repr(fault)
