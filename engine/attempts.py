"""How often in a row a job was begun without an end that its engine lived to see; what follows is not known here.

A trainer's own crashes are counted elsewhere. A start that a living worker saw the end of, such as by a pause or a
clean stop of the engine, is forgotten.
"""

from collections.abc import Collection
from pathlib import Path

from engine import durable

# A check of files runs in the engine itself and takes seconds: what goes down three times amid one goes down by it.
CHECKS_ALLOWED = 3
# A training is a child's work, lasts for hours and survives its own crashes (three of them are counted elsewhere). An
# engine that goes down beside it was killed, updated or lost its machine: mostly no fault of the job, and seconds apart
# before its first step. A machine that starts anew is counted too, for a job may take that down, again and again.
ALLOWED = 10
_NAME = "starts.json"


def begin(folder: Path, steps: Collection[int]) -> int:
    """Count a start of the job that has told `steps`; return how many there were since anything new was reached."""
    path = folder / _NAME
    checkpoints = sorted(one.parent.name for one in folder.glob("checkpoints/*/complete.json"))
    reached = [max(steps, default=0), checkpoints, (folder / "result.json").exists()]
    known = durable.read_json(path) if path.exists() else {}
    starts = 1 + (known["starts"] if known.get("reached") == reached else 0)
    durable.write_json(path, {"reached": reached, "starts": starts})
    return int(starts)


def end(folder: Path) -> None:
    """Forget the starts: the engine lives, however this one ended."""
    (folder / _NAME).unlink(missing_ok=True)
