"""How often in a row a job was begun without an end that its engine lived to see; what follows is not known here.

A trainer's own crashes are counted elsewhere. A start that a living worker saw the end of, such as by a pause or a
clean stop of the engine, is forgotten.
"""

from collections.abc import Collection
from pathlib import Path

from engine import durable

# More than crashes of a trainer: engines are killed for reasons of their own, seconds apart and before a first step.
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
