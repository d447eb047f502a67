"""Files written so that each is either old or new, whatever happens in between."""

from __future__ import annotations

import os
import stat


class ChangedError(Exception):
    """The file is not what it was when it was read."""


def replace(path: str, old: bytes, new: bytes) -> None:
    """Puts new content in the place of a file's old one. A symbolic link stays one, permissions stay as they are.

    Raises ChangedError where the file has other content by now, and OSError where it can't be written: then it is
    as it was.
    """
    import tempfile

    target = os.path.realpath(path)
    with open(target, "rb") as file:
        if file.read() != old:
            raise ChangedError("it changed since it was read")
    if not os.access(target, os.W_OK):
        raise PermissionError(f"{path} is write-protected")
    handle, temporary = tempfile.mkstemp(prefix=".initlint-", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(target))


def put(path: str, data: bytes) -> None:
    """Writes a file of our own, whole or not at all, for this user's eyes. Raises OSError."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{os.getpid()}.{name}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def sync_folder(path: str) -> None:
    """Makes a rename last. Some systems can't open folders, and need not."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
