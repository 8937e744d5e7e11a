"""Archives that come out the same, byte for byte, whoever makes them and when.

Members are sorted, belong to root, and carry one time: that of SOURCE_DATE_EPOCH
(https://reproducible-builds.org/specs/source-date-epoch/), which `packaging/dist` sets to the commit's.
"""

import gzip
import hashlib
import io
import os
import re
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version() -> str:
    """The version in Cargo.toml, the only place that has one."""
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.*)"$', manifest, re.MULTILINE)[1]


def epoch() -> int:
    """Seconds since 1970 that every member is said to be from."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


@dataclass
class Member:
    """A file, or, without content, a folder. Paths have `/`, and no `/` before or behind."""

    path: str
    content: "bytes | None" = None
    mode: int = 0o644
    owner: int = 0


def tar(members) -> bytes:
    """A tar archive of the members, with the folders that lead to them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in with_folders(members):
            info = tarfile.TarInfo(member.path)
            info.mode, info.uid, info.gid, info.mtime = member.mode, member.owner, member.owner, epoch()
            if member.content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(member.content)
                archive.addfile(info, io.BytesIO(member.content))
    return out.getvalue()


def compress(data: bytes) -> bytes:
    """gzip, without the name and the time that it would write into its head."""
    return gzip.compress(data, compresslevel=9, mtime=0)


def zipped(members) -> bytes:
    """A zip archive, which is what Windows opens."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for member in sorted(members, key=lambda member: member.path):
            # zip knows no time before 1980, and takes local ones: this is the same everywhere.
            info = zipfile.ZipInfo(member.path, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
            info.external_attr = (0o100000 | member.mode) << 16
            archive.writestr(info, member.content)
    return out.getvalue()


def with_folders(members):
    """The members in order, each after the folders that it lies in."""
    known = {member.path: member for member in members}
    for path in list(known):
        for parent in Path(path).parents:
            if parent != Path("."):
                known.setdefault(parent.as_posix(), Member(parent.as_posix(), mode=0o755))
    for member in known.values():
        if member.content is None:
            member.mode = member.mode | 0o111
    return [known[path] for path in sorted(known)]


def sha256(data: bytes) -> str:
    """The digest as SHA256SUMS and image manifests write it, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
