"""Files written so that each is either old or new, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import os
import stat


class ChangedError(Exception):
    """The file is not what it was when it was read."""

    def __init__(self) -> None:
        super().__init__("it changed since it was read")


def replace(path: str, old: bytes, new: bytes) -> None:
    """Puts new content in the place of a file's old one. A symbolic link stays one; owner, permissions and attributes
    stay as they are, as far as this user may keep them.

    Raises ChangedError where the file has other content by now, and OSError where it can't be written: then it is
    as it was.
    """
    import tempfile

    target = os.path.realpath(path)
    with open(target, "rb") as file:
        if file.read() != old:
            raise ChangedError
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is write-protected")
    handle, temporary = tempfile.mkstemp(prefix=".initlint-", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        _made_like(temporary, target)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(target))


def _made_like(temporary: str, target: str) -> None:
    """Owner first, for a change of it takes some permissions away. A group that can't be kept gets no more than others
    have: it is another one."""
    there = os.stat(target)
    mode = stat.S_IMODE(there.st_mode)
    made = os.stat(temporary)
    if hasattr(os, "chown") and (there.st_uid, there.st_gid) != (made.st_uid, made.st_gid):
        for owner, group in ((-1, there.st_gid), (there.st_uid, -1)):
            with contextlib.suppress(OSError):
                os.chown(temporary, owner, group)
        if os.stat(temporary).st_gid != there.st_gid:
            mode &= ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):
            for name in os.listxattr(target):
                os.setxattr(temporary, name, os.getxattr(target, name))
    os.chmod(temporary, mode)


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
