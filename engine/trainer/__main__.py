"""`python -m engine.trainer JOB_DIR`: the child process of one job; it speaks JSON lines and exits 0 or 1."""

import errno
import os
import sys
from pathlib import Path

import lifeline
import limits
import unpickling
from engine import lock
from engine.trainer import lean
from engine.trainer.errors import DiskFull, OutOfMemory, TrainingError
from engine.trainer.progress import Progress, take_stdout


def main(job_dir: Path) -> int:
    """Run the job of `job_dir` as a child, behind whatever else the machine does."""
    lifeline.watch()
    limits.take()
    unpickling.refuse()
    progress = take_stdout()
    lifeline.step_back(19)  # answering chats comes before training
    return run(job_dir, progress)


def run(job_dir: Path, progress: Progress) -> int:
    """Run the job of `job_dir`, report how it ended, and return the exit code."""
    try:
        # A trainer whose engine was killed may still be on its way out.
        with lock.hold(job_dir, patience=60):
            _train(job_dir, progress)
    except TrainingError as error:
        progress.send("error", code=error.code, message=str(error))
        return 1
    progress.send("done")
    return 0


def _train(job_dir: Path, progress: Progress) -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Threads that spin while they wait make a step ten times slower as soon as anything else wants the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with lean.imports():  # after the lifeline, for they take seconds, and after what OpenMP reads when it is loaded
        from safetensors import SafetensorError

        from engine.trainer.loop import train
        from engine.trainer.spec import read_spec

    try:
        train(read_spec(job_dir), job_dir, progress)
    except (OSError, SafetensorError) as error:
        if not _is_full(error):
            raise
        raise DiskFull("The disk of DATA_DIR is full: make room there, and create the job again.") from error
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "alloc" not in str(error):
            raise
        raise OutOfMemory(
            "The machine ran out of memory: use a smaller batch_size, shorter examples or a smaller model."
        ) from error


def _is_full(error: Exception) -> bool:
    """Whether there was no room for a file; safetensors says so in words alone."""
    full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return getattr(error, "errno", None) in full or any(f"(os error {number})" in str(error) for number in full)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
