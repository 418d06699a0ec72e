"""Files to and from a box as a tar archive; one that comes out is read as what an enemy wrote."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

from agentrl.errors import BoxError, UsageError
from agentrl.programs import check_path

__all__ = ["pack", "unpack"]


def pack(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files, modes and owners plain."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as members:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def unpack(archive: bytes, *, max_files: int, max_bytes: int) -> dict[str, bytes]:
    """The files of an archive: nothing is written, and nothing but plain files with relative names gets through.

    Args:
        archive: It must not be compressed: so that no byte of it stands for a thousand.
        max_files: How many members it may have, of any kind.
        max_bytes: How large all files together may be, holes included.

    >>> unpack(pack({"a/b.txt": b"text"}), max_files=1, max_bytes=4)
    {'a/b.txt': b'text'}

    Raises:
        BoxError: A member is not a plain file, its name is absolute or climbs out, the archive is too much, torn or
            compressed, or names a file twice.
    """
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", errorlevel=2) as members:
            for number, member in enumerate(members, 1):
                total += member.size
                if number > max_files or total > max_bytes:
                    raise BoxError(f"an archive of the box holds more than {max_files} files or {max_bytes} bytes")
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                    raise BoxError(f"an archive of the box holds {member.name!r:.100}, which is no plain file")
                name = check_path(member.name)
                if name in files:
                    raise BoxError(f"an archive of the box holds {name!r:.100} twice")
                content = members.extractfile(member)
                data = content.read(member.size) if content else b""
                if len(data) != member.size:
                    raise BoxError("an archive of the box is cut short")
                files[name] = data
    except (tarfile.TarError, UsageError, ValueError, OverflowError, EOFError) as error:
        raise BoxError(f"an archive of the box cannot be read: {error}") from error
    return dict(sorted(files.items()))
