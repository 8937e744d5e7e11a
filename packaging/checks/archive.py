"""Usage: archive.py OUT: the archive, its sums, and those who know where it is: binstall and Homebrew."""

import json
import sys
import time

import support
from reproducible import sha256, version


def sums(checks, out) -> None:
    """SHA256SUMS has every file beside it that somebody downloads, and is right."""
    lines = (out / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ", 1)) for line in lines)
    files = {file.name for file in out.iterdir() if file.is_file() and file.name != "SHA256SUMS"}
    checks.that(set(listed) == files, f"SHA256SUMS lists {len(files)} files, which are all", files ^ set(listed))
    right = all(sha256((out / name).read_bytes()) == digest for name, digest in listed.items())
    checks.that(right, "every sum is right")
    done = support.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=out)
    checks.that(done.returncode == 0, "sha256sum agrees", done.stdout, done.stderr)


def used(checks, archive) -> None:
    """From the archive to the first green toaster."""
    folder_name = archive.name.removesuffix(".tar.gz")
    with support.empty_folder() as folder:
        begun = time.monotonic()
        support.run(["tar", "xzf", archive], cwd=folder)
        unpacked = folder / folder_name
        binary = unpacked / "provision-sim"
        done = support.first_green_toaster(binary, folder)
        seconds = time.monotonic() - begun
        checks.that("2 passed, 0 failed" in done.stdout, "toaster and heat pump", done.stdout, done.stderr)
        print(f"        from nothing to the first green toaster, archive: {seconds:.1f} s")

        done = support.run([binary, "--version"], env=support.bare(folder))
        checks.that(done.stdout == f"provision-sim {version()}\n", "it says Cargo.toml's version", done.stdout)
        there = {file.relative_to(unpacked).as_posix() for file in unpacked.rglob("*") if file.is_file()}
        wanted = {"README.md", "LICENSE", "CHANGELOG.md", "man/provision-sim.1", "man/provision-sim-serve.1"}
        wanted |= {f"completions/{name}" for name in ("provision-sim.bash", "_provision-sim", "provision-sim.fish")}
        checks.that(wanted <= there, "it has what to read, manual pages and completions", wanted - there)


def binstall(checks, archive) -> None:
    """What `cargo binstall` would fetch, and where it would look in it."""
    done = support.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=support.ROOT)
    packages = json.loads(done.stdout)["packages"]
    said = next(package for package in packages if package["name"] == "provision-sim")["metadata"]["binstall"]
    target = archive.name.removeprefix(f"provision-sim-{version()}-").removesuffix(".tar.gz")
    known = {
        "repo": "https://example.test/project",
        "name": "provision-sim",
        "bin": "provision-sim",
        "version": version(),
        "target": target,
        "archive-suffix": ".tar.gz",
        "binary-ext": "",
    }
    address, inside = said["pkg-url"], said["bin-dir"]
    for name, value in known.items():
        address = address.replace(f"{{ {name} }}", value)
        inside = inside.replace(f"{{ {name} }}", value)
    wanted = f"https://example.test/project/releases/download/v{version()}/{archive.name}"
    checks.that(address == wanted, "binstall looks for the archive's name", address, wanted)
    listed = support.run(["tar", "tzf", archive]).stdout.splitlines()
    checks.that(inside in listed, "binstall finds the binary in it", inside)
    windows = said["overrides"]["x86_64-pc-windows-msvc"]["pkg-fmt"]
    checks.that(windows == "zip" and said["pkg-fmt"] == "tgz", "Windows has a zip, the others a tar archive")


def homebrew(checks, out) -> None:
    """The formula, with sums of archives that are made elsewhere."""
    targets = [f"{cpu}-{rest}" for cpu in ("x86_64", "aarch64") for rest in ("apple-darwin", "unknown-linux-musl")]
    render = support.ROOT / "packaging/homebrew/render"
    with support.empty_folder() as folder:
        lines = [f"{sha256(target.encode())}  provision-sim-{version()}-{target}.tar.gz" for target in targets]
        (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
        done = support.run([render, "https://example.test/project", folder / "SHA256SUMS"])
        formula = done.stdout
        checks.that(done.returncode == 0 and "@" not in formula.replace("#@", ""), "the formula is filled in", formula, done.stderr)
        right = all(sha256(target.encode()) in formula.split(target)[1].splitlines()[1] for target in targets)
        checks.that(right, "each archive has its own sum", formula)
        done = support.run([render, "https://example.test/project", out / "SHA256SUMS"])
        checks.that(done.returncode == 1 and "has no sum of" in done.stderr, "a sum that is missing is told", done.stderr)
        with checks.unless_skipped("the formula is Ruby"):
            try:
                done = support.run(["ruby", "-c", "-"], stdin=None, input=formula)
            except FileNotFoundError:
                raise support.Skip("there is no ruby") from None
            checks.that(done.returncode == 0, "the formula is Ruby", done.stderr)


def main(out: str) -> None:
    checks = support.Checks("archive")
    out = support.Path(out)
    archive = support.native(out, "provision-sim-*-PROCESSOR-unknown-linux-*.tar.gz")
    sums(checks, out)
    used(checks, archive)
    binstall(checks, archive)
    homebrew(checks, out)
    checks.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
