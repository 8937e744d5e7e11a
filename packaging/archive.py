"""Usage: archive.py BINARY TARGET DOCUMENTS OUT

Makes OUT/provision-sim-VERSION-TARGET.tar.gz (.zip for Windows): the binary, what to read first, manual
pages and completions, in one folder. `cargo binstall`, the Homebrew formula and the GitHub Action know
the name and what is where: `[package.metadata.binstall]` in Cargo.toml, and the checks beside this file.
"""

import sys
from pathlib import Path

from reproducible import ROOT, Member, compress, tar, version, zipped


def members(binary: Path, name: str, folder: str, documents: Path):
    """What is in the archive."""
    yield Member(f"{folder}/{name}", binary.read_bytes(), 0o755)
    for name in ("README.md", "LICENSE", "CHANGELOG.md"):
        yield Member(f"{folder}/{name}", (ROOT / name).read_bytes())
    for file in sorted(documents.glob("*/*")):
        yield Member(f"{folder}/{file.relative_to(documents).as_posix()}", file.read_bytes())


def main(binary: str, target: str, documents: str, out: str) -> None:
    """Writes the archive and prints its path."""
    folder = f"provision-sim-{version()}-{target}"
    windows = "-windows-" in target
    program = "provision-sim.exe" if windows else "provision-sim"
    content = list(members(Path(binary), program, folder, Path(documents)))
    path = Path(out) / f"{folder}{'.zip' if windows else '.tar.gz'}"
    path.write_bytes(zipped(content) if windows else compress(tar(content)))
    print(path)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
