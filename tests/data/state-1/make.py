#!/usr/bin/env python3
"""Makes a folder of state with a given build of provision-sim: `make.py BINARY FOLDER`.

The file beside this one was made by the last version that wrote format 1. It is data: do not make it
anew with a later one. `config.toml` is what that service was configured with. What is in it: records
of both kinds with every attestation, a webhook that has a name, numbers and members to be kept as
written, a record of the configuration that was changed and one that was deleted; registrations that
were assigned, failed and moved to another hub; twins with versions.
"""
import base64, hashlib, hmac, json, os, ssl, subprocess, sys, tempfile, time, urllib.parse, urllib.request

binary, folder = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
home = tempfile.mkdtemp()
env = {**os.environ, "XDG_STATE_HOME": home, "HOME": home}
common = dict(env=env, stdout=subprocess.PIPE, text=True)
subprocess.run([binary, "pki", "--out", home + "/pki", "--reg-id", "pump-x509"], check=True, **common)
serve = subprocess.Popen(
    [binary, "serve", "--config", here + "/config.toml", "--state", folder, "--mqtt-port", "0",
     "--https-port", "0", "--retry-after", "0s", "--webhook-retry", "none", "-o", "json"], **common)
ready = json.loads(serve.stdout.readline())
key = dict(part.split("=", 1) for part in ready["serviceConnectionString"].split(";"))["SharedAccessKey"]
tls = ssl.create_default_context(cafile=ready["caFile"])
WEST, EAST = "hub-west.azure-devices.net", "hub-east.azure-devices.net"


def call(method, path, body=None, host="localhost", **headers):
    where = urllib.parse.quote(host, safe="")
    until = str(int(time.time()) + 600)
    sig = base64.b64encode(hmac.digest(base64.b64decode(key), f"{where}\n{until}".encode(), "sha256"))
    token = f"SharedAccessSignature sr={where}&sig={urllib.parse.quote(sig, safe='')}&se={until}&skn=provisioningserviceowner"
    headers = {"authorization": token, "content-type": "application/json", "host": host, **headers}
    port = ready["https"].rsplit(":", 1)[1]
    version = "2021-04-12" if host != "localhost" else "2021-10-01"
    request = urllib.request.Request(
        f"https://localhost:{port}{path}?api-version={version}",
        method=method, headers=headers, data=body.encode() if body else None)
    try:
        return urllib.request.urlopen(request, context=tls).read().decode()
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


def register(reg_id, *arguments):
    if not any(argument.startswith("--cert") for argument in arguments):
        arguments = ("--group-key", base64.b64encode(b"0123456789abcdef" * 2).decode(), *arguments)
    done = subprocess.run([binary, "register", "--local", "--reg-id", reg_id, *arguments], **common)
    assert done.returncode == 0, (reg_id, done.returncode)


def pem(name):
    return json.dumps(open(f"{home}/pki/{name}").read())


KEYS = '"type":"symmetricKey","symmetricKey":{"primaryKey":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","secondaryKey":"MTIzNDU2Nzg5MGFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}'
leaf = pem("devices/pump-x509-chain.pem").split("-----END")[0] + '-----END CERTIFICATE-----\\n"'
put = lambda kind, name, body: call("PUT", f"/{kind}/{name}", body)
put("enrollments", "Pump-Keys", '{"registrationId":"Pump-Keys","deviceId":"Pump#1","attestation":{' + KEYS + '},'
    '"capabilities":{"iotEdge":true},"optionalDeviceInformation":{"n":1e3,"z":1.50,"a":null},'
    '"initialTwin":{"tags":{"z":1.50,"site":"b1"},"properties":{"desired":{"t":[1e3,1.50],"z":1,"a":2}}},'
    '"iotHubs":["' + WEST + '"],"allocationPolicy":"static",'
    '"reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":true},'
    '"addedLater":{"z":1.50,"a":1e3},"alsoLater":12345678901234567890123}')
put("enrollments", "pump-x509", '{"registrationId":"pump-x509","attestation":{"type":"x509","x509":{"clientCertificates":'
    '{"primary":{"certificate":' + leaf + '}}}}}')
put("enrollments", "pump-tpm", '{"registrationId":"pump-tpm","provisioningStatus":null,"attestation":{"type":"tpm","tpm":{"endorsementKey":"AQ==","storageRootKey":"Ag=="}}}')
put("enrollmentGroups", "signed", '{"enrollmentGroupId":"signed","attestation":{"type":"x509","x509":{"signingCertificates":'
    '{"primary":{"certificate":' + pem("root-cert.pem") + '},"secondary":{"certificate":' + pem("intermediate-cert.pem") + '}}}}}')
put("enrollmentGroups", "referring", '{"enrollmentGroupId":"referring","attestation":{"type":"x509","x509":{"caReferences":{"primary":"root"}}}}')
put("enrollmentGroups", "custom", '{"enrollmentGroupId":"custom","attestation":{' + KEYS.replace("MDEy", "QUJD") + '},'
    '"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://www.test.test:443/a?code=s3cret","apiVersion":"2019-03-31"},'
    '"iotHubs":["' + EAST + '"]}')
group = json.loads(call("GET", "/enrollmentGroups/changed"))
call("PUT", "/enrollmentGroups/changed", json.dumps({**group, "provisioningStatus": "disabled"}), **{"if-match": group["etag"]})
call("DELETE", "/enrollmentGroups/deleted")

register("sim-1", "--connect", "--report", '{"fw":1.50,"n":1e3}')
call("PATCH", "/twins/sim-1", '{"tags":{"z":1.50},"properties":{"desired":{"n":1e3,"interval":7}}}', host=WEST)
register("sim-2")
group = json.loads(call("GET", "/enrollmentGroups/pumps"))
call("PUT", "/enrollmentGroups/pumps", json.dumps({**group, "iotHubs": [EAST]}), **{"if-match": group["etag"]})
register("sim-1", "--payload", '{"a":1.50}')
register("pump-x509", "--cert", home + "/pki/devices/pump-x509-chain.pem", "--cert-key", home + "/pki/devices/pump-x509-key.pem")
keys = base64.b64decode("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
done = subprocess.run([binary, "register", "--local", "--reg-id", "Pump-Keys", "--device-key", base64.b64encode(keys).decode()], **common)
assert done.returncode == 0
named = base64.b64encode(b"named-key-named-key-named-key-00").decode()
# Its function does not know such a device.
done = subprocess.run([binary, "register", "--local", "--reg-id", "named-1", "--group-key", named, "--payload", '{"z":1.50}'], **common)
assert done.returncode == 5
serve.terminate()
serve.wait()
