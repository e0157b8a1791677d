"""Puts DATA_DIR in order at start: removes what no row names, and says what rows name that is missing.

Runs before anybody is served and while DATA_DIR is locked, so that nothing here is in the making.
"""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from engine import durable, lifecycle, lock, remains
from engine.jobs import event
from engine.store import EVENTS, FILES, JOBS, MODELS, PARTS, UPLOADS, Store
from wire.ids import new_id

_LOG = logging.getLogger(__name__)


def repair(store: Store, data_dir: Path, now: int) -> None:
    """Remove leftovers of uploads, jobs, models and workers, and tell of what is gone; bases are left alone."""
    if _belongs_together(store, data_dir):
        _remove_unnamed(data_dir / "files", (row["id"] for row in store.newest(FILES, None)))
        _repair_uploads(store, data_dir / "uploads")
        _repair_jobs(store, data_dir)
    _remove_dead_workers(store, data_dir / "workers")
    _tell_missing_files(store, data_dir / "files")
    _tell_missing_models(store, data_dir, now)


def _belongs_together(store: Store, data_dir: Path) -> bool:
    """Whether this folder was filled with this database: with another one, nothing would seem to have a name."""
    mark, database_id = data_dir / "database_id", store.fact("database_id", new_id("db_"))
    if not mark.exists():
        is_new = not any(any((data_dir / name).glob("*")) for name in ("files", "jobs"))
        if is_new or store.newest(FILES, 1) or store.newest(JOBS, 1):
            durable.write_text(mark, database_id)
    known = mark.read_text("utf-8") if mark.exists() else "none"
    if known != database_id:
        _LOG.error("%s was filled with another database (%s), so nothing in it is removed.", data_dir, known)
    return known == database_id


def _repair_uploads(store: Store, folder: Path) -> None:
    pending = [row["id"] for row in store.newest(UPLOADS, None, status="pending")]
    _remove_unnamed(folder, pending)
    for upload_id in {part["upload_id"] for part in store.newest(PARTS, None)} - set(pending):
        store.delete(PARTS, upload_id=upload_id)
    for upload_id in pending:
        _remove_unnamed(folder / upload_id, (part["id"] for part in store.newest(PARTS, None, upload_id=upload_id)))


def _repair_jobs(store: Store, data_dir: Path) -> None:
    jobs, models = store.newest(JOBS, None), store.newest(MODELS, None)
    named = {job["id"] for job in jobs} | {Path(model["adapter"]).parts[1] for model in models}
    _remove_unnamed(data_dir / "jobs", named)
    published = {data_dir / model["adapter"] for model in models}
    for job in jobs:
        folder = data_dir / "jobs" / job["id"]
        _remove(folder.glob("*.part"))
        if job["status"] in lifecycle.TERMINAL:
            _tell_removed(remains.clear(folder, published))


def _remove_dead_workers(store: Store, folder: Path) -> None:
    """Let go of their jobs first: without its lock nobody sees that a worker died, and a lease would be waited for."""
    for one in folder.glob("*"):
        try:
            lock.hold(one, patience=0).close()
        except lock.Busy:
            continue
        store.let_go(one.name)
        shutil.rmtree(one, ignore_errors=True)


def _tell_missing_files(store: Store, folder: Path) -> None:
    for row in store.newest(FILES, None):
        if not (folder / row["id"]).is_file():
            _LOG.error("The bytes of %s (%r) are missing; it can only be deleted.", row["id"], row["filename"])


def _tell_missing_models(store: Store, data_dir: Path, now: int) -> None:
    """Say it in the log, and once among the job's events, where whoever asks for the model looks."""
    for model in store.newest(MODELS, None):
        if (data_dir / model["adapter"]).is_file():
            continue
        words = f"The model {model['id']} cannot be served any more: its adapter is missing in DATA_DIR."
        _LOG.error("%s", words)
        if store.one(JOBS, id=model["job_id"]) and not store.one(EVENTS, job_id=model["job_id"], message=words):
            store.insert({EVENTS: [event(model["job_id"], now, words, level="error")]})


def _remove_unnamed(folder: Path, names: Iterable[str]) -> None:
    kept = {folder / name for name in names}
    _remove(one for one in folder.glob("*") if one not in kept)


def _remove(paths: Iterable[Path]) -> None:
    _tell_removed(remains.remove(paths))


def _tell_removed(paths: Iterable[Path]) -> None:
    for path in paths:
        _LOG.warning("Removed %s, which nothing names.", path)
