"""Usage: layout.py OUT BINARY [BINARY…]

Makes OUT, an OCI image layout (https://github.com/opencontainers/image-spec), with no daemon and nothing
but Python: of one architecture, or of several behind one index if there are several binaries. What it is
made of and how it starts stands in `Dockerfile` beside this file, which is read here. The same input gives
the same bytes.

    skopeo copy --all oci:OUT docker://REGISTRY/provision-sim:VERSION     # publish it
    podman pull oci:OUT                                                   # or use it here
"""

import json
import shlex
import struct
import sys
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reproducible import ROOT, Member, compress, epoch, sha256, tar, version  # noqa: E402

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

# Where Linux systems keep the roots that they trust.
CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

# The machine in an ELF file's head, and the processor as Go, and so OCI, calls it.
ARCHITECTURES = {0x3E: "amd64", 0xB7: "arm64"}

SECOND = 1_000_000_000


def dockerfile():
    """The instructions of the Dockerfile's last stage."""
    text = (ROOT / "packaging/image/Dockerfile").read_text(encoding="utf-8")
    lines = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    last = max(at for at, line in enumerate(lines) if line[0] == "FROM")
    return [(name, rest) for name, rest in lines[last + 1 :]]


def container() -> dict:
    """How a container starts, as the image's configuration says it."""
    config = {"Env": ["PATH=/"], "WorkingDir": "/"}
    for name, rest in dockerfile():
        if name == "ENV":
            config["Env"].append(rest)
        elif name == "USER":
            config["User"] = rest
        elif name == "VOLUME":
            config["Volumes"] = {rest: {}}
        elif name == "EXPOSE":
            config["ExposedPorts"] = {f"{port}/tcp": {} for port in rest.split()}
        elif name == "HEALTHCHECK":
            config["Healthcheck"] = health(rest)
        elif name == "STOPSIGNAL":
            config["StopSignal"] = rest
        elif name in ("ENTRYPOINT", "CMD"):
            config[name.capitalize()] = json.loads(rest)
    config["Labels"] = {
        "org.opencontainers.image.title": "provision-sim",
        "org.opencontainers.image.version": version(),
        "org.opencontainers.image.licenses": "MIT",
    }
    return config


def health(rest: str) -> dict:
    """`HEALTHCHECK`: no member of OCI's, which lets others stand beside its own; Docker reads it."""
    options, command = rest.split("CMD ")
    check = {"Test": ["CMD", *json.loads(command)]}
    for option in shlex.split(options):
        name, value = option.removeprefix("--").split("=")
        member = "".join(word.capitalize() for word in name.split("-"))
        check[member] = int(value.removesuffix("s")) * SECOND
    return check


def certificates() -> bytes:
    """The roots that this machine trusts."""
    for file in map(Path, CERTIFICATES):
        if file.exists():
            return file.read_bytes()
    sys.exit("layout.py: no certificates for the image: install ca-certificates")


def architecture(binary: Path) -> str:
    """What the binary runs on. One that needs a loader cannot run in an image that has none."""
    data = binary.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        sys.exit(f"layout.py: {binary} is no 64-bit Linux binary")
    (machine,) = struct.unpack_from("<H", data, 18)
    (headers,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    kinds = [struct.unpack_from("<I", data, headers + at * size)[0] for at in range(count)]
    if 3 in kinds:
        sys.exit(f"layout.py: {binary} is linked dynamically: packaging/binary makes a static one")
    if machine not in ARCHITECTURES:
        sys.exit(f"layout.py: {binary} is for machine {machine:#x}, of which no name is known")
    return ARCHITECTURES[machine]


def members(binary: Path):
    """What is in the image, as the Dockerfile's COPY lines say."""
    owner = int(container()["User"].split(":")[0])
    yield Member("provision-sim", binary.read_bytes(), 0o755)
    yield Member("etc/ssl/certs/ca-certificates.crt", certificates())
    yield Member("LICENSE", (ROOT / "LICENSE").read_bytes())
    yield Member("state", mode=0o755, owner=owner)
    yield Member("state/README", (ROOT / "packaging/image/state/README").read_bytes(), owner=owner)


class Layout:
    """The folder that is written."""

    def __init__(self, out: Path) -> None:
        self.out = out
        (out / "blobs/sha256").mkdir(parents=True)
        (out / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, media_type: str, data: bytes) -> dict:
        """Keeps `data` under its digest, and says what stands for it."""
        digest = sha256(data)
        (self.out / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def image(self, binary: Path) -> dict:
        """The image of one binary."""
        layer = tar(members(binary))
        created = datetime.fromtimestamp(epoch(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        config = {
            "created": created,
            "architecture": architecture(binary),
            "os": "linux",
            "config": container(),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer)}"]},
            "history": [{"created": created, "created_by": "packaging/image/layout.py"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(CONFIG, compact(config)),
            "layers": [self.blob(LAYER, compress(layer))],
        }
        platform = {"architecture": config["architecture"], "os": "linux"}
        return {**self.blob(MANIFEST, compact(manifest)), "platform": platform}

    def index(self, images) -> None:
        """The list of images, which makes the layout whole. Several are one image of many platforms."""
        name = {"org.opencontainers.image.ref.name": version()}
        if len(images) > 1:
            index = compact({"schemaVersion": 2, "mediaType": INDEX, "manifests": images})
            images = [self.blob(INDEX, index)]
        images = [{**image, "annotations": name} for image in images]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images}
        (self.out / "index.json").write_bytes(compact(index))


def compact(value) -> bytes:
    """JSON without spaces, in the order of the members."""
    return json.dumps(value, separators=(",", ":")).encode()


def main(out: str, *binaries: str) -> None:
    """Writes the layout."""
    if Path(out).exists():
        sys.exit(f"layout.py: {out} is there already: remove it first")
    # Before anything is written.
    for binary in binaries:
        architecture(Path(binary))
    layout = Layout(Path(out))
    layout.index([layout.image(Path(binary)) for binary in binaries])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
