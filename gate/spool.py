"""Where the files of a form lie while it is read: in one file on disk, however many and however large they are.

Werkzeug's own way holds half a megabyte of each in memory, and a thousand parts may come in one form.
"""

import io
import tempfile
import weakref
from threading import Lock
from typing import IO, Any, cast


class Spool:
    """Gives each file of one form its place; what Werkzeug's parser calls a stream factory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the next line closes it
        weakref.finalize(self, self._file.close)  # with the last of its pieces, whoever holds that
        self._lock = Lock()

    def __call__(self, *_: Any, **__: Any) -> IO[bytes]:
        """Return a new file at the end; the one before it is whole by now, for they come one after the other."""
        with self._lock:
            return cast(IO[bytes], Piece(self, self._file.seek(0, io.SEEK_END)))

    def write(self, at: int, data: Any) -> int:
        """Write all of `data`, and return how much that is; raises OSError if the disk is full."""
        with self._lock, memoryview(data) as whole:
            self._file.seek(at)
            written = 0
            while written < len(whole):
                written += self._file.write(whole[written:])
            return written

    def read(self, at: int, buffer: Any) -> int:
        """Fill `buffer`, or its beginning, and return how much that is."""
        with self._lock:
            self._file.seek(at)
            return self._file.readinto(buffer)


class Piece(io.RawIOBase):
    """One file of a form; it is written once, and then read as often as one likes."""

    def __init__(self, spool: Spool, start: int) -> None:
        self._spool, self._start = spool, start
        self._size = self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Write where one stands."""
        written = self._spool.write(self._start + self._at, data)
        self._at += written
        self._size = max(self._size, self._at)
        return written

    def readinto(self, buffer: Any) -> int:
        """Read from where one stands, up to the end of this file."""
        with memoryview(buffer) as view:
            read = self._spool.read(self._start + self._at, view[: max(0, self._size - self._at)])
        self._at += read
        return read

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Stand elsewhere."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return where one stands."""
        return self._at
