"""Usage: deb.py OUT: the Debian package, unpacked and used, its unit's command included."""

import json
import shlex
import shutil
import signal
import sys
import time
import tomllib

import support
from reproducible import version

UNIT = "lib/systemd/system/provision-sim.service"


def control(checks, package) -> None:
    """What dpkg and apt read."""
    done = support.run(["dpkg-deb", "--field", package, "Version", "Depends", "Package", "Description"])
    fields = done.stdout
    checks.that(f"Version: {version()}-1" in fields, "the version is Cargo.toml's", fields)
    checks.that("Depends" not in fields, "it depends on nothing")
    checks.that("\n .\n The service is installed, and not started" in fields, "its description has paragraphs", fields)


def files(checks, root) -> None:
    """The same files as `cargo deb` would put into it, where Debian looks for them."""
    manifest = tomllib.loads((support.ROOT / "Cargo.toml").read_text())
    for source, target, mode in manifest["package"]["metadata"]["deb"]["assets"]:
        name = source.rsplit("/", 1)[-1]
        path = target + name if target.endswith("/") else target
        found = list(root.glob(path)) + list(root.glob(path + ".gz"))
        right = bool(found) and all(file.stat().st_mode & 0o777 == int(mode, 8) for file in found)
        checks.that(right, f"/{path} is there, with mode {mode}")
    copyright_file = (root / "usr/share/doc/provision-sim/copyright").read_text()
    asked = all(words in copyright_file for words in ("License: Expat", "WITHOUT WARRANTY", "Copyright: 20"))
    checks.that(asked, "the copyright file has holder and licence", copyright_file)


def shells(checks, root) -> None:
    """Completions load; a shell that is not there cannot say."""
    scripts = {
        "bash": "usr/share/bash-completion/completions/provision-sim",
        "zsh": "usr/share/zsh/vendor-completions/_provision-sim",
        "fish": "usr/share/fish/vendor_completions.d/provision-sim.fish",
    }
    for shell, script in scripts.items():
        with checks.unless_skipped(f"completions of {shell}"):
            if shutil.which(shell) is None:
                raise support.Skip(f"there is no {shell}")
            done = support.run([shell, "-n", root / script])
            checks.that(done.returncode == 0, f"{shell} reads its completions", done.stderr)
    done = support.run(["bash", "-c", f"source {shlex.quote(str(root / scripts['bash']))} && complete -p provision-sim"])
    checks.that("provision-sim" in done.stdout, "bash completes provision-sim", done.stdout, done.stderr)


def service(checks, root) -> None:
    """The unit is one that systemd takes, and what it starts serves."""
    unit = (root / UNIT).read_text()
    with checks.unless_skipped("the unit"):
        if shutil.which("systemd-analyze") is None:
            raise support.Skip("there is no systemd-analyze")
        # What it starts has to be there.
        copy = root / "provision-sim.service"
        copy.write_text(unit.replace("/usr/bin/provision-sim", str(root / "usr/bin/provision-sim")))
        done = support.run(["systemd-analyze", "verify", "--man=no", copy])
        faults = [line for line in done.stderr.splitlines() if "provision-sim.service:" in line]
        checks.that(done.returncode == 0 and not faults, "systemd takes the unit", done.stderr)
    with checks.unless_skipped("what the unit starts"):
        line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
        words = [word for word in shlex.split(line.removeprefix("ExecStart=")) if word != "$PROVISION_SIM_FLAGS"]
        home = next(line for line in unit.splitlines() if line.startswith("Environment="))
        name, value = home.removeprefix("Environment=").split("=")
        for folder in ("var/lib/provision-sim", "run/provision-sim"):
            (root / folder).mkdir(parents=True)
            if support.os.geteuid() == 0:
                support.os.chown(root / folder, 64000, 64000)
        container = support.Container(root, 64000, {name: value})
        begun = time.monotonic()
        with container.serving(*words) as running:
            print(f"        the unit's command is healthy after {time.monotonic() - begun:.1f} s")
            ready = json.loads((root / "var/lib/provision-sim/local.json").read_text())
            own = ready["https"].endswith(":443") and ready["amqp"].endswith(":5671")
            checks.that(own, "the unit's command serves 443 and 5671", ready)
            certificate = root / "run/provision-sim/ca.pem"
            readable = "BEGIN CERTIFICATE" in certificate.read_text() and certificate.stat().st_mode & 0o004
            checks.that(readable, "everybody can read the CA in /run/provision-sim")
            trusting = ("--host", "localhost", "--ca-file", "/run/provision-sim/ca.pem", "--id-scope", ready["idScope"])
            stranger = support.Container(root, 64001, {})
            key = container.run("/usr/bin/provision-sim", "derive-key", "--local", "--reg-id", "any", beside=running)
            device = ("--reg-id", "any", "--device-key", key.stdout.strip())
            done = stranger.run("/usr/bin/provision-sim", "register", *trusting, *device, beside=running)
            checks.that(done.returncode == 0, "another user's device registers", done.stdout, done.stderr)
            running.send_signal(signal.SIGTERM)
            checks.that(running.wait(support.PATIENCE) == 0, "systemd's SIGTERM ends it with exit code 0")


def lint(checks, package) -> None:
    """What Debian's own checker says. It knows no address of ours, for there is none."""
    with checks.unless_skipped("lintian"):
        if shutil.which("lintian") is None:
            raise support.Skip("there is no lintian")
        known = "bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs"
        done = support.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", known, package])
        checks.that(done.returncode == 0, "lintian has no error and no warning", done.stdout, done.stderr)


def main(out: str) -> None:
    checks = support.Checks("deb")
    package = support.native(out, "provision-sim_*_PROCESSOR.deb")
    control(checks, package)
    with support.empty_folder() as folder:
        root = folder / "root"
        done = support.run(["dpkg-deb", "--extract", package, root])
        checks.that(done.returncode == 0, "dpkg-deb unpacks it", done.stderr)
        root.chmod(0o755)
        folder.chmod(0o755)
        files(checks, root)
        done = support.first_green_toaster(root / "usr/bin/provision-sim", folder)
        checks.that("2 passed, 0 failed" in done.stdout, "toaster and heat pump", done.stdout, done.stderr)
        shells(checks, root)
        service(checks, root)
    lint(checks, package)
    checks.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
