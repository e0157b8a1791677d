"""A copy of DATA_DIR made while the engine works, and the way back from it: files, uploads, jobs, models and API keys.

Base models are not in it, for they are fetched again, and neither are logs. The database is copied first, at one
moment; then the bytes that it names, which do not change. What was deleted between the two is taken out of the copy.
PostgreSQL has tools of its own for this.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine import durable, lifecycle
from engine.store import FILES, JOBS, MODELS, PARTS, UPLOADS, Record, Store, copy_file

DATABASE = "engine.sqlite3"
KEYS = "keys.sqlite3"  # of whoever may call; the gate keeps their hashes
_TRIES = 5
_MARKER = "complete.json"
# What a kill may leave behind, or what a new start makes anew.
_PASSED_OVER = shutil.ignore_patterns("*.part", "adapter.partial", "lock", "checkpoints")


class Refused(Exception):
    """The copy cannot be made or used; the message says why and what to do."""


def back_up(store: Store, data_dir: Path, target: Path) -> int:
    """Copy `data_dir` to the new folder `target`, which appears once it is whole; return how many files it has.

    Raises:
        Refused: `target` is there already.
    """
    if target.exists():
        raise Refused(f"{target} is there already; name a new folder.")
    unfinished = target.with_name(target.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    store.copy_to(unfinished / DATABASE)
    copied = Store(unfinished / DATABASE)
    try:
        _copy_files(copied, data_dir / "files", unfinished / "files")
        _copy_uploads(copied, data_dir / "uploads", unfinished / "uploads")
        _copy_jobs(copied, data_dir, unfinished)
    finally:
        copied.close()
    if (data_dir / KEYS).is_file():  # else no key was ever made
        copy_file(data_dir / KEYS, unfinished / KEYS)
    _sync(unfinished)
    unfinished.rename(target)
    durable.sync_folder(target.parent)
    return sum(one.is_file() for one in target.rglob("*"))


def restore(source: Path, data_dir: Path) -> None:
    """Put a backup into `data_dir`; the database comes last, so that a restore that was killed can be begun again.

    Raises:
        Refused: `source` is no backup or is damaged, or `data_dir` has a database or other API keys.
    """
    if not (source / DATABASE).is_file():
        raise Refused(f"{source} is no backup: it has no {DATABASE}.")
    if (data_dir / DATABASE).exists():
        raise Refused(f"{data_dir} holds a database already; move it away, or set another DATA_DIR.")
    check(source)
    _restore_keys(source / KEYS, data_dir / KEYS)
    for name in ("files", "uploads", "jobs"):
        if (source / name).is_dir():
            shutil.copytree(source / name, data_dir / name, dirs_exist_ok=True)
            _sync(data_dir / name)
    (data_dir / "database_id").unlink(missing_ok=True)  # of whatever was here before
    _put(source / DATABASE, data_dir / DATABASE)


def _restore_keys(saved: Path, place: Path) -> None:
    if not saved.is_file():
        return
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        _put(saved, place)
    elif place.read_bytes() != saved.read_bytes():  # those of a restore that was killed are the same
        raise Refused(f"{place} holds other API keys than the backup; move it away to have those that were saved.")


def _put(source: Path, target: Path) -> None:
    with source.open("rb") as stream, durable.replace(target) as copy:
        shutil.copyfileobj(stream, copy)


def check(folder: Path) -> None:
    """Raise Refused unless every byte that the backup's database names is there and as it was."""
    store = Store(folder / DATABASE)
    try:
        wanted = [(folder / "files" / row["id"], row["sha256"]) for row in store.newest(FILES, None)]
        wanted += [(folder / row["adapter"], row["sha256"]) for row in store.newest(MODELS, None)]
    finally:
        store.close()
    for path, sha256 in wanted:
        if not path.is_file() or sha256 not in (None, durable.sha256(path)):
            raise Refused(f"The backup is damaged: {path} is missing or not what was saved. Use another one.")


def _copy_files(copied: Store, source: Path, target: Path) -> None:
    target.mkdir()
    for row in copied.newest(FILES, None):
        _copy_or_forget(source / row["id"], target / row["id"], partial(copied.delete, FILES, id=row["id"]))


def _copy_uploads(copied: Store, source: Path, target: Path) -> None:
    for upload in copied.newest(UPLOADS, None, status="pending"):
        folder = target / upload["id"]
        folder.mkdir(parents=True)
        for part in copied.newest(PARTS, None, upload_id=upload["id"]):
            path = source / upload["id"] / part["id"]
            _copy_or_forget(path, folder / part["id"], partial(copied.delete, PARTS, id=part["id"]))


def _copy_or_forget(source: Path, target: Path, forget: Callable[[], None]) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:  # deleted since the database was copied
        forget()


def _copy_jobs(copied: Store, data_dir: Path, target: Path) -> None:
    for held in copied.held():
        copied.update(JOBS, held.job_id, owner=None)
    for job in copied.newest(JOBS, None):
        _copy_job(job, data_dir / "jobs" / job["id"], target / "jobs" / job["id"])
    for model in copied.newest(MODELS, None):
        if not (target / model["adapter"]).is_file():
            copied.delete(MODELS, id=model["id"])


def _copy_job(job: Record, source: Path, target: Path) -> None:
    for _ in range(_TRIES):
        shutil.rmtree(target, ignore_errors=True)
        try:
            shutil.copytree(source, target, ignore=_PASSED_OVER)
            before = _checkpoints(source)
            for name in before:
                shutil.copytree(source / "checkpoints" / name, target / "checkpoints" / name, ignore=_PASSED_OVER)
        except (FileNotFoundError, shutil.Error):  # a checkpoint or a deleted model's adapter went meanwhile
            continue
        if job["status"] in lifecycle.TERMINAL or _checkpoints(source) == before:
            return
    # Checkpoints come faster than they are copied: the restored job begins anew.
    shutil.rmtree(target / "checkpoints", ignore_errors=True)
    (target / "result.json").unlink(missing_ok=True)


def _checkpoints(folder: Path) -> list[str]:
    return sorted(one.parent.name for one in folder.glob(f"checkpoints/*/{_MARKER}"))


def _sync(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            durable.sync_folder(path)
        else:
            durable.sync_file(path)
