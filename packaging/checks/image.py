"""Usage: image.py OUT: the image is what the specification says, and its entry point runs in an empty root."""

import gzip
import hashlib
import io
import json
import signal
import sys
import tarfile

import support
from reproducible import version

sys.path.insert(0, str(support.ROOT / "packaging/image"))
import layout  # noqa: E402

NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}[support.os.uname().machine]


def blob(checks, folder, descriptor) -> bytes:
    """What a descriptor stands for: it is there, and its size and digest are right."""
    algorithm, digest = descriptor["digest"].split(":")
    data = (folder / "blobs" / algorithm / digest).read_bytes()
    right = len(data) == descriptor["size"] and hashlib.new(algorithm, data).hexdigest() == digest
    checks.that(right, f"size and digest of {descriptor['mediaType']}")
    return data


def read(checks, folder, wanted: str):
    """The configuration and the layers of the image for an architecture."""
    version_of_layout = json.loads((folder / "oci-layout").read_text())["imageLayoutVersion"]
    checks.that(version_of_layout == "1.0.0", "it is an OCI layout of version 1.0.0")
    index = json.loads((folder / "index.json").read_text())
    checks.that(index["mediaType"] == layout.INDEX and len(index["manifests"]) == 1, "one image is in it")
    (described,) = index["manifests"]
    name = described["annotations"]["org.opencontainers.image.ref.name"]
    checks.that(name == version(), "it is named after Cargo.toml's version")
    named = [described]
    platforms = [described]
    if described["mediaType"] == layout.INDEX:
        platforms = json.loads(blob(checks, folder, described))["manifests"]
        named += platforms
    found = {}
    for platform in platforms:
        manifest = json.loads(blob(checks, folder, platform))
        parts = [manifest["config"], *manifest["layers"]]
        named += parts
        types = [manifest["mediaType"], *(part["mediaType"] for part in parts)]
        checks.that(types == [layout.MANIFEST, layout.CONFIG, layout.LAYER], "media types are OCI's", types)
        config = json.loads(blob(checks, folder, manifest["config"]))
        contents = [gzip.decompress(blob(checks, folder, layer)) for layer in manifest["layers"]]
        digests = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in contents]
        checks.that(config["rootfs"]["diff_ids"] == digests, "the layers are those of the configuration")
        checks.that(config["architecture"] == platform["platform"]["architecture"], "the platform is the binary's")
        found[config["architecture"]] = config, contents
    blobs = {file.name for file in (folder / "blobs/sha256").iterdir()}
    checks.that(blobs == {item["digest"].split(":")[1] for item in named}, "nothing else is in the layout")
    checks.that(wanted in found, f"it has an image for {wanted}")
    return found[wanted]


def of_several(checks, folder, binary: bytes) -> None:
    """Two architectures behind one index; the second binary is the first under another name of processor."""
    (folder / "one").write_bytes(binary)
    other = {"amd64": b"\xb7\0", "arm64": b"\x3e\0"}[NATIVE]
    (folder / "other").write_bytes(binary[:18] + other + binary[20:])
    layout.main(str(folder / "several"), str(folder / "one"), str(folder / "other"))
    _, contents = read(checks, folder / "several", "arm64" if NATIVE == "amd64" else "amd64")
    checks.that(contents, "images of several architectures are one")
    layout.main(str(folder / "again"), str(folder / "one"), str(folder / "other"))
    same = (folder / "several/index.json").read_bytes() == (folder / "again/index.json").read_bytes()
    checks.that(same, "made again, it is the same")


def in_container(checks, config, root) -> None:
    """What a user of the image does."""
    said = config["config"]
    user = int(said["User"].split(":")[0])
    environment = dict(variable.split("=", 1) for variable in said["Env"])
    container = support.Container(root, user, environment)
    program = said["Entrypoint"][0]
    # Like a volume that an engine makes of the image's folder.
    done = container.run(program, "--version")
    checks.that(done.stdout == f"provision-sim {version()}\n", "the entry point runs with nothing beside it", done.stderr)
    for file in (support.ROOT / "fixtures/contoso").iterdir():
        target = root / "contoso" / file.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file.read_bytes())
    done = container.run(program, "run", "/contoso/scenario.toml")
    checks.that("2 passed, 0 failed" in done.stdout, "a scenario runs in it", done.stdout, done.stderr)

    done = container.run(*said["Healthcheck"]["Test"][1:])
    checks.that(done.returncode == 3, "no service is no health", done.returncode, done.stdout, done.stderr)
    with container.serving(program, *said["Cmd"]) as service:
        checks.that(True, "the image's command comes up, and its HEALTHCHECK says so")
        ready = json.loads((root / "state/provision-sim/local.json").read_text())
        ports = {int(port.split("/")[0]) for port in said["ExposedPorts"]}
        served = {member: ready[member] for member in ("mqtt", "https", "amqp", "admin")}
        open_ports = {int(address.rsplit(":", 1)[1]) for address in served.values()}
        checks.that(open_ports == ports, "the exposed ports are those that it serves", served, sorted(ports))
        everywhere = all(address.startswith("0.0.0.0:") for address in served.values())
        checks.that(everywhere, "neighbours reach each of them", served)
        register = (program, "register", "--local", "--reg-id")
        done = container.run(*register, "contoso-toaster-007", beside=service)
        checks.that("contoso-toasters-hub-1098" in done.stdout, "a device registers", done.stdout, done.stderr)
        done = container.run(*register, "contoso-heatpump-088", beside=service)
        checks.that(done.returncode == 5, "the heat pump is refused with exit code 5", done.stdout, done.stderr)
        service.send_signal(signal.SIGTERM)
        checks.that(service.wait(support.PATIENCE) == 0, "SIGTERM ends it, as its first process, with exit code 0")
    left = (root / "state/provision-sim/local.json").exists()
    checks.that(not left, "it leaves no local.json behind")

    support.shutil.rmtree(root / "dev")
    done = container.run(program, "run", "/contoso/scenario.toml", devices=False)
    told = done.returncode in (1, 2) and "/dev/urandom" in done.stderr and "panicked" not in done.stderr
    checks.that(told, "a root without /dev/urandom is told in words", done.returncode, done.stdout, done.stderr)


def main(out: str) -> None:
    checks = support.Checks("image")
    folder = support.Path(out) / "image"
    config, contents = read(checks, folder, NATIVE)
    checks.that(config["config"] == layout.container(), "it starts as the Dockerfile says")
    with support.empty_folder() as temporary:
        temporary.chmod(0o755)
        root = temporary / "root"
        root.mkdir(mode=0o755)
        for content in contents:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                archive.extractall(root)
        owner = (root / "state").stat().st_uid
        checks.that(support.os.geteuid() != 0 or owner == 65532, "/state belongs to the image's user", owner)
        of_several(checks, temporary, (root / "provision-sim").read_bytes())
        with checks.unless_skipped("the entry point, in an empty root"):
            in_container(checks, config, root)
    checks.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
