"""Certificates for the X.509 cases, and the configuration of a service that knows their owners, devices that
ask for a certificate, and those that go on to their hub. The hub and the first twin of some are for the
webhook to say.

    group-ca          what the enrollment group `x509-group` trusts, uploaded and verified
      group-issuer      an intermediate, which the device presents with its own
        x509-in-group     a device; presents x509-in-group.pem, leaf first
        x509-hub-…        the same, for each of HUB_DEVICES
    x509-individual   self-signed; the enrollment `x509-individual` holds this very certificate
    x509-stranger     self-signed; nobody knows it
"""

import subprocess

HUB = "contoso-toasters-hub-1098.azure-devices.net"
# The key of the enrollment group `hub-devices`, Base64.
HUB_GROUP_KEY = "aW50ZXJvcC1odWItZGV2aWNlcy1ncm91cC1rZXktMDE="
# Of `issued-devices` and `briefly-issued-devices`, whose certificates are valid for an hour and for five seconds.
ISSUED_GROUP_KEY = "aW50ZXJvcC1pc3N1ZWQtZGV2aWNlcy1ncm91cC1rZXk="
BRIEF_GROUP_KEY = "aW50ZXJvcC1icmllZmx5LWlzc3VlZC1ncm91cC1rZXk="
SDKS = ("python", "node", "java")
# Each has its own, so that each case finds a twin that nobody has changed.
HUB_DEVICES = [f"x509-hub-{sdk}-{transport}" for sdk in SDKS for transport in ("mqtt", "mqtt-ws")]
HUB_DEVICES += [f"x509-hub-{sdk}-{transport}" for sdk in ("node", "java") for transport in ("amqp", "amqp-ws")]


def prepare(folder, world, webhook_url):
    """Makes the certificates in `folder`; returns the configuration: `world` and their enrollments."""
    folder.mkdir(parents=True)
    make(folder, "group-ca", authority=True)
    make(folder, "group-issuer", authority=True, issuer="group-ca")
    make(folder, "x509-individual")
    make(folder, "x509-stranger")
    for name in ["x509-in-group", *HUB_DEVICES]:
        make(folder, name, issuer="group-issuer")
        with open(folder / f"{name}.pem", "a") as chain:
            chain.write(pem(folder, "group-issuer"))
    configuration = folder / "world.toml"
    configuration.write_text(
        world.read_text()
        + f'''
[[enrollmentGroups]]
enrollmentGroupId = "hub-devices"
allocationPolicy = "custom"
customAllocationDefinition = {{ webhookUrl = "{webhook_url}", apiVersion = "2021-10-01" }}
attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{HUB_GROUP_KEY}" }} }}

[[enrollmentGroups]]
enrollmentGroupId = "x509-group"
allocationPolicy = "custom"
customAllocationDefinition = {{ webhookUrl = "{webhook_url}", apiVersion = "2021-10-01" }}

[enrollmentGroups.attestation]
type = "x509"
x509.signingCertificates.primary.certificate = """
{pem(folder, "group-ca")}"""

[[certificates]]
name = "group-ca"
certificate = """
{pem(folder, "group-ca")}"""

[[certificateAuthorities]]
namespaceName = "interop"
name = "line-1"
policies = [{{ name = "hour", validity = "1h" }}, {{ name = "brief", validity = "5s" }}]

[[enrollmentGroups]]
enrollmentGroupId = "issued-devices"
certificatePolicyName = "hour"
attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{ISSUED_GROUP_KEY}" }} }}

[[enrollmentGroups]]
enrollmentGroupId = "briefly-issued-devices"
certificatePolicyName = "brief"
attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{BRIEF_GROUP_KEY}" }} }}

[[enrollments]]
registrationId = "x509-individual"
allocationPolicy = "static"
iotHubs = ["{HUB}"]

[enrollments.attestation]
type = "x509"
x509.clientCertificates.primary.certificate = """
{pem(folder, "x509-individual")}"""
'''
    )
    return configuration


def make(folder, name, authority=False, issuer=None):
    """One certificate and its key. The common name is the registration ID."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", f"/CN={name}", "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    command += ["-addext", f"basicConstraints=critical,CA:{'TRUE' if authority else 'FALSE'}"]
    usage = "keyCertSign" if authority else "digitalSignature"
    command += ["-addext", f"keyUsage=critical,{usage}"]
    if issuer:
        command += ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)


def pem(folder, name):
    return (folder / f"{name}.pem").read_text()
