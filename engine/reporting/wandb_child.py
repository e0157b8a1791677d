"""`python -m engine.reporting.wandb_child`: one run of Weights & Biases, told line by line on stdin.

The only home of `wandb`. It knows no job and no database; the end of stdin ends it, so it is on a lifeline.
"""

import json
import os
import queue
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import lifeline
import limits
import unpickling

_GRACE = 20.0  # seconds to close the run when whoever told it is gone

Lines = queue.SimpleQueue[dict[str, Any] | None]


def main() -> int:
    """Record one run; return 0 if all of it was."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what wandb prints belongs in the log
    limits.take()
    unpickling.refuse()
    lifeline.step_back(19)

    def say(kind: str, **fields: Any) -> None:
        answers.write(json.dumps({"kind": kind, **fields}) + "\n")
        answers.flush()

    lines: Lines = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    try:
        _record(lines, say)
    except ImportError as missing:
        say("missing" if missing.name == "wandb" else "error", message=str(missing))
        return 1
    except Exception as fault:  # the edge of this process: the parent tells it to whoever reads the job's events
        say("error", message=f"{type(fault).__name__}: {fault}")
        return 1
    return 0


def _read(lines: Lines) -> None:
    ended = False
    for line in sys.stdin.buffer:
        told = json.loads(line)
        ended = told["kind"] == "end"
        lines.put(told)
    lines.put(None)
    if not ended:
        time.sleep(_GRACE)
        os._exit(1)


def _record(lines: Lines, say: Any) -> None:
    first = lines.get()
    if first is None:
        return
    run = _begin(first)
    folder = Path(run.dir).parent.name
    say("begun", url=run.url, folder=folder)
    while (told := lines.get()) is not None:
        if told["kind"] == "end":
            run.summary.update(told["summary"])
            run.finish(exit_code=told["exit_code"])
            say("done")
            return
        run.log(told["metrics"], step=told["step"])
        say("logged")
    run.finish(exit_code=1)


def _begin(told: dict[str, Any]) -> Any:
    import wandb

    is_online = told["mode"] == "online"
    root = Path(told["folder"])
    if not is_online:
        # A run that a kill broke off is recorded anew from its first step.
        shutil.rmtree(root / "wandb", ignore_errors=True)
    settings = wandb.Settings(
        mode=told["mode"],
        root_dir=str(root),
        console="off",
        silent=True,
        disable_git=True,
        save_code=False,
        x_disable_stats=True,
        x_disable_meta=True,
    )
    names = ("project", "entity", "name", "tags", "config")
    chosen = {name: told[name] for name in names}
    # Steps that the run knows from before a kill are passed over by wandb.
    return wandb.init(id=told["run_id"], resume="allow" if is_online else None, settings=settings, **chosen)


if __name__ == "__main__":
    sys.exit(main())
