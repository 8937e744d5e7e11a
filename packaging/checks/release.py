"""A release on loopback, as those find it who download one."""

import functools
import http.server
import os
import shutil
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import support
from reproducible import sha256, version


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that says nothing."""

    def log_message(self, *_) -> None:
        pass


@contextmanager
def releases(folder: Path, out: Path):
    """The release's folder, and the address of all releases: with the archive for musl, which is what they
    ask for. It has the binary that was made here."""
    release = folder / f"releases/v{version()}"
    release.mkdir(parents=True)
    archive = support.native(out, "provision-sim-*-PROCESSOR-unknown-linux-*.tar.gz")
    unpacked, documents = folder / "unpacked", folder / "documents"
    unpacked.mkdir()
    documents.mkdir()
    support.run(["tar", "xzf", archive, "--strip-components=1"], cwd=unpacked)
    for name in ("man", "completions"):
        shutil.move(unpacked / name, documents / name)
    target = f"{os.uname().machine}-unknown-linux-musl"
    pack = support.HERE.parent / "archive.py"
    made = support.run([sys.executable, pack, unpacked / "provision-sim", target, documents, release])
    name = Path(made.stdout.strip()).name
    digest = sha256((release / name).read_bytes())
    (release / "SHA256SUMS").write_text(f"{'0' * 64}  another-file.tar.gz\n{digest}  {name}\n")

    handler = functools.partial(Quiet, directory=folder / "releases")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield release, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
