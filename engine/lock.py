"""A folder that only one process works in: a lock that the system lets go of when its holder dies, however it dies."""

import os
import time
from pathlib import Path
from typing import IO


class Busy(RuntimeError):
    """Another living process works in the folder."""


def hold(folder: Path, patience: float) -> IO[bytes]:
    """Lock `folder` and return the handle that holds the lock until it is closed or the process ends.

    Waits up to `patience` seconds for a holder that is just dying.

    Raises:
        Busy: somebody holds it still.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / "lock").open("ab")
    deadline = time.monotonic() + patience
    while not _try(handle):
        if time.monotonic() > deadline:
            handle.close()
            raise Busy(f"{folder} is in use by another process.")
        time.sleep(0.05)
    return handle


if os.name == "nt":
    import msvcrt

    def _try(handle: IO[bytes]) -> bool:
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(handle: IO[bytes]) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
