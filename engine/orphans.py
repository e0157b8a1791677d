"""Ends what an engine that was killed has left running: its trainers and model servers, and nobody else's processes.

A lifeline ends them, too, but only once they get to run: not while they are stopped, on full cores not for seconds.
"""

import logging
import os
import secrets
import time
from pathlib import Path

import psutil

import lifeline

_LOG = logging.getLogger(__name__)
_PATIENCE = 5.0


def end(data_dir: Path) -> None:
    """Kill the children of earlier engines on `data_dir`, and have those of this process carry a mark of their own.

    To be called once a process, while `data_dir` is locked: whoever carries its mark with another token than
    this process was started with has lost who started it. Whose child it is now tells nothing: an engine that is the
    first process of a container, or a subreaper, is given the orphans.
    """
    folder, spared = _mark(data_dir), {os.getpid(), os.getppid()}
    ours = lifeline.mark()
    marks = ((one, _carried(one)) for one in psutil.process_iter() if one.pid not in spared)
    left = [one for one, mark in marks if mark != ours and mark.rpartition(":")[0] == folder]
    for one in left:
        _LOG.warning("Ending process %d, which an engine that was killed has left.", one.pid)
        _kill(one)
    deadline = time.monotonic() + _PATIENCE
    while any(map(_lives, left)) and time.monotonic() < deadline:
        time.sleep(0.02)
    lifeline.mark_children(f"{folder}:{secrets.token_hex(8)}")


def _mark(data_dir: Path) -> str:
    """A name that this folder has to itself on this machine, in containers too."""
    found = data_dir.stat()
    return f"{data_dir.resolve()}:{found.st_dev}:{found.st_ino}"


def _carried(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(lifeline.CHILD_OF, ""))
    except (psutil.Error, OSError):  # gone, or another user's
        return ""


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
