"""Room kept free for the database on a disk that others fill; who does, and what they are told, is not known here."""

import errno
import shutil
import threading
from pathlib import Path

from engine import durable

BYTES = 8 * 1024 * 1024
# With less than this beyond the reserve the disk counts as full still: it would be used up at once.
_MARGIN = 4 * 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Reserve:
    """A file of `size` bytes at `path` that is given up when the disk is full, and made anew when there is room."""

    def __init__(self, path: Path, size: int = BYTES) -> None:
        self._path = path
        self._size = size
        self._changing = threading.Lock()

    def free(self) -> bool:
        """Give the room to whoever writes next; False if it was given up already."""
        with self._changing:
            if not self._path.exists():
                return False
            self._path.unlink()
            durable.sync_folder(self._path.parent)
            return True

    def restore(self) -> bool:
        """Say whether the reserve is there, after making it if there is room."""
        with self._changing:
            if self._path.exists():
                return True
            if _room(self._path.parent) < self._size + _MARGIN:
                return False
            try:
                self._fill()
            except OSError as error:
                if not is_full(error):
                    raise
                return False
            return True

    def _fill(self) -> None:
        with durable.replace(self._path) as stream:
            for _ in range(0, self._size, 2**20):
                stream.write(b"\0" * min(2**20, self._size))


def is_full(error: BaseException) -> bool:
    """Whether a file could not be written for want of room: on the disk, of a quota or of a limit."""
    return isinstance(error, OSError) and error.errno in _FULL


def _room(folder: Path) -> int:
    return shutil.disk_usage(folder).free
