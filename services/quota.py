"""How many files one key's holder may keep upstream, and of what size in all; the upstream's list is the ledger."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from services.locks import KeyLocks
from wire.errors import ApiError, Unavailable

_MB = 1024 * 1024
# Uploads of one owner that are looked at one after another, and seconds for which one waits for the others.
LINE = 64
PATIENCE = 10.0


class Quota:
    """`files` and `megabytes` of each owner, 0 for as many as one likes; in memory is only what is being sent."""

    def __init__(self, files: int = 0, megabytes: int = 0) -> None:
        self.files = files
        self.megabytes = megabytes
        self._locks = KeyLocks()
        self._under_way: dict[str, list[int]] = {}

    @contextmanager
    def holding(self, owner: str, size: int, stored: Callable[[], Iterable[dict[str, Any]]]) -> Iterator[None]:
        """Let one file of `size` bytes be sent within the block, if there is room beside those `stored`.

        What others send meanwhile counts too; a file that ends just now may count twice, never not at all.

        Raises:
            ApiError: 429 quota_exceeded; 503 server_is_overloaded, too many uploads of this owner wait.
        """
        if not (self.files or self.megabytes):
            yield
            return
        message = "Other files of the same key are being taken; try again in a moment."
        busy = Unavailable(message, code="server_is_overloaded", headers={"Retry-After": "1"})
        with self._locks.hold(owner, busy, line=LINE, seconds=PATIENCE):
            sending = self._under_way.setdefault(owner, [])
            # Taken before the upstream is asked: what ends meanwhile is in its list.
            beside = [*sending]
            self._require(size, beside + [_bytes_of(file) for file in stored()])
            sending.append(size)
        try:
            yield
        finally:
            sending.remove(size)

    def _require(self, size: int, beside: list[int]) -> None:
        if self.files and len(beside) >= self.files:
            raise _exceeded(f"{len(beside)} of {self.files} files (STORED_FILES) are kept")
        if self.megabytes and sum(beside) + size > self.megabytes * _MB:
            kept = f"{sum(beside) / _MB:.1f} of {self.megabytes} MB (STORED_MB) are kept"
            raise _exceeded(f"{kept}, and this file has {size / _MB:.1f}")


def _bytes_of(file: dict[str, Any]) -> int:
    told = file.get("bytes")
    return told if isinstance(told, int) else 0


def _exceeded(why: str) -> ApiError:
    message = f"{why}. This one was not stored; delete others first (DELETE /files/file-...)."
    return ApiError(message, code="quota_exceeded", type="insufficient_quota", status=429)
