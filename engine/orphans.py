"""Ends what an engine that was killed has left running: its trainers and model servers, and nobody else's processes.

A lifeline ends them, too, but only once they get to run: not while they are stopped, on full cores not for seconds.
"""

import logging
import multiprocessing
import os
import time
from pathlib import Path

import psutil

import lifeline

_LOG = logging.getLogger(__name__)
_PATIENCE = 5.0


def end(data_dir: Path) -> None:
    """Kill the children of earlier engines on `data_dir`, and have those of this one carry its mark.

    To be called while `data_dir` is locked: whoever carries its mark and is no kin of ours has lost its parent.
    """
    mark, kin = _mark(data_dir), _kin()
    left = [one for one in psutil.process_iter() if _carries(one, mark) and not kin & {one.pid, _parent(one)}]
    for one in left:
        _LOG.warning("Ending process %d, which an engine that was killed has left.", one.pid)
        _kill(one)
    deadline = time.monotonic() + _PATIENCE
    while any(map(_lives, left)) and time.monotonic() < deadline:
        time.sleep(0.02)
    lifeline.mark_children(mark)


def _mark(data_dir: Path) -> str:
    """A name that this folder has to itself on this machine, in containers too."""
    found = data_dir.stat()
    return f"{data_dir.resolve()}:{found.st_dev}:{found.st_ino}"


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return bool(process.environ().get(lifeline.CHILD_OF) == mark)
    except (psutil.Error, OSError):  # gone, or another user's
        return False


def _kin() -> set[int]:
    """This process and the one that watches it, if there is one; they and their children are no orphans."""
    watching = multiprocessing.parent_process()
    return {os.getpid()} | ({watching.pid} if watching and watching.pid else set())


def _parent(process: psutil.Process) -> int | None:
    try:
        return int(process.ppid())
    except psutil.Error:
        return None


def _kill(process: psutil.Process) -> None:
    """Kill exactly this process: psutil compares the time at which it began, so that a pid given anew is let be."""
    try:
        process.kill()
    except psutil.Error as trouble:
        _LOG.warning("Process %d could not be ended: %s", process.pid, trouble)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
