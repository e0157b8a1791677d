"""The engine's facts: files, jobs, events and models, in SQLite or PostgreSQL. It knows no rules."""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Row, Table, create_engine, func, select
from sqlalchemy.exc import DatabaseError

from engine import lifecycle
from engine.store import claims, copies, cursors, migration, outbox, sqlite
from engine.store.claims import Claim, Holding
from engine.store.rows import Rows, add, add_new, again_with_room
from engine.store.tables import EVENTS, FACTS, JOBS, PARTS, UPLOADS

Record = dict[str, Any]
# Pairs are compared here: PostgreSQL's functions of JSON fail on a value with a NUL, which may be anywhere.
_JOBS_AT_ONCE = 200
StoreError = DatabaseError
"""What any method raises if the database is locked for long, broken, out of reach or out of room."""


class Place(NamedTuple):
    """What a queued job is told of its line: when it will have ended, if anybody knows, and perhaps an event."""

    job_id: str
    finish: int | None
    event: Record | None


class Store:
    """One database; every method is one transaction, and `commit` returns only once it is on disk.

    `where` is SQLite's file, or a URL; `patience` the seconds that one waits for another's write to a file.
    `make_room` is called when the disk is full; if it says True, the transaction is tried once more.
    """

    make_room: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, where: Path | str, patience: float = 60) -> None:
        self._engine = sqlite.on_file(where, patience) if isinstance(where, Path) else _by_url(where)
        # Shares the connections; what only reads never waits for another reader.
        self._reader = self._engine.execution_options(reads_only=True)
        migration.bring_up_to_date(self._engine)

    @again_with_room
    def insert(self, rows: Rows) -> None:
        """Add rows to their tables, all or none."""
        with self._engine.begin() as connection:
            add(connection, rows)

    @again_with_room
    def claim(self, owner: str, statuses: Sequence[str], dead: Collection[Holding] = ()) -> Claim | None:
        """Give `owner` the job that has waited longest in one of `statuses`, as `claims.take` does."""
        claim = claims.take(self._engine, owner, statuses, dead)
        if claim is not None:
            claim.make_room = self.make_room
        return claim

    def held(self) -> list[Holding]:
        """Return who holds which of the jobs that are worked on."""
        with self._reader.begin() as connection:
            return claims.held(connection, (lifecycle.VALIDATING, lifecycle.QUEUED, lifecycle.RUNNING))

    def steps(self, job_id: str) -> list[int]:
        """Return the steps of a job that have an event."""
        told = select(EVENTS.c.step).where(EVENTS.c.job_id == job_id, EVENTS.c.step.is_not(None))
        with self._reader.begin() as connection:
            return list(connection.scalars(told))

    def one(self, table: Table, **match: Any) -> Record | None:
        """Return the row whose columns equal `match`, or None."""
        with self._reader.begin() as connection:
            return _record(connection.execute(select(table).where(*_equal(table, match))).first())

    def lacks(self, table: Table, row_id: str) -> bool:
        """Say whether there surely is no such row; a write whose answer was lost may have been done."""
        try:
            return self.one(table, id=row_id) is None
        except StoreError:
            return False

    def newest(
        self, table: Table, limit: int | None, after: str | None = None, ascending: bool = False, **match: Any
    ) -> list[Record]:
        """Return up to `limit` rows (None: all) that match, newest first, behind the one with the id `after`.

        Raises:
            LookupError: there is no such row, and never was.
        """
        where = _equal(table, match)
        with self._reader.begin() as connection:
            if after is not None:
                seq = cursors.position(connection, table, after)
                where.append(table.c.seq > seq if ascending else table.c.seq < seq)
            order = table.c.seq.asc() if ascending else table.c.seq.desc()
            rows = connection.execute(select(table).where(*where).order_by(order).limit(limit))
            return [row._asdict() for row in rows]

    def jobs(self, limit: int, after: str | None, metadata: Mapping[str, str] | None) -> list[Record]:
        """Return jobs as `newest` does; `metadata` pairs must all be in the job's, {} means that it has none."""
        if metadata is None:
            return self.newest(JOBS, limit, after)
        if not metadata:
            return self.newest(JOBS, limit, after, metadata=None)
        found, rows = list[Record](), list[Record]()
        while len(found) < limit and (rows := self.newest(JOBS, _JOBS_AT_ONCE, after)):
            found += [job for job in rows if _carries(job["metadata"], metadata)]
            after = rows[-1]["id"]
        return found[:limit]

    def jobs_by_status(self) -> dict[str, int]:
        """Return how many jobs are in each status that any has."""
        counted = select(JOBS.c.status, func.count()).group_by(JOBS.c.status)
        with self._reader.begin() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    def move_job(
        self,
        job_id: str,
        status: str,
        before: Collection[str],
        also: Rows,
        **values: Any,
    ) -> bool:
        """Move a job as `move` does; one that ends thereby leaves an event for the webhooks, in the same transaction.

        A job that ends has `finished_at` among its `values`.
        """
        return self.move(JOBS, job_id, status, before, outbox.with_event(job_id, status, also, values), **values)

    @again_with_room
    def move(
        self,
        table: Table,
        row_id: str,
        status: str,
        before: Collection[str],
        also: Rows,
        **values: Any,
    ) -> bool:
        """Set `status` and `values` if the row's status is one of `before`, and only then add the rows of `also`.

        One transaction: whoever sees the new status sees those events, models and files too. Says whether it moved.
        """
        moving = table.update().where(table.c.id == row_id, table.c.status.in_(before))
        statement = moving.values(status=status, **values)
        with self._engine.begin() as connection:
            moved = connection.execute(statement).rowcount == 1
            if moved:
                add(connection, also)
            return moved

    @again_with_room
    def update(self, table: Table, row_id: str, **values: Any) -> None:
        """Set `values` on the row whose id is `row_id`."""
        with self._engine.begin() as connection:
            connection.execute(table.update().where(table.c.id == row_id).values(**values))

    def let_go(self, owner: str) -> None:
        """Take all jobs from `owner`, who is no more."""
        with self._engine.begin() as connection:
            connection.execute(JOBS.update().where(JOBS.c.owner == owner).values(owner=None))

    @again_with_room
    def insert_part(self, part: Record, most: int) -> bool:
        """Add a part if its upload is pending, and has at most `most` bytes with it; say whether it was added."""
        pending = select(UPLOADS.c.id).where(UPLOADS.c.id == part["upload_id"], UPLOADS.c.status == "pending")
        before = select(func.coalesce(func.sum(PARTS.c.bytes), 0)).where(PARTS.c.upload_id == part["upload_id"])
        with self._engine.begin() as connection:
            if connection.execute(pending.with_for_update()).first() is None:
                return False
            if int(connection.scalar(before) or 0) + part["bytes"] > most:
                return False
            add(connection, {PARTS: [part]})
            return True

    @again_with_room
    def delete(self, table: Table, **match: Any) -> None:
        """Remove the rows whose columns equal `match`; pages go on behind them all the same."""
        with self._engine.begin() as connection:
            cursors.delete(connection, table, _equal(table, match))

    def expired(self, table: Table, now: int, **match: Any) -> list[Record]:
        """Return the rows that match and whose `expires_at` has come."""
        with self._reader.begin() as connection:
            rows = connection.execute(select(table).where(table.c.expires_at <= now, *_equal(table, match)))
            return [row._asdict() for row in rows]

    def due_deliveries(self, now: float, limit: int, but_for: Collection[str]) -> list[Record]:
        """Return up to `limit` pending webhook deliveries whose time has come, but for those of some endpoints."""
        with self._reader.begin() as connection:
            return outbox.due(connection, now, limit, but_for)

    @again_with_room
    def take_delivery(self, seen: Record, due_at: float) -> bool:
        """Count an attempt to deliver and make the next one due at `due_at`; False if another one was begun since."""
        with self._engine.begin() as connection:
            return outbox.update(connection, seen, attempts=seen["attempts"] + 1, due_at=due_at)

    @again_with_room
    def update_delivery(self, taken: Record, **values: Any) -> bool:
        """Set `values` on a pending delivery; False if another attempt was begun since."""
        with self._engine.begin() as connection:
            return outbox.update(connection, taken, **values)

    @again_with_room
    def close_endpoint(self, called: Record, now: int) -> bool:
        """Send nothing more to an endpoint; False if its URL is another than when it was `called`, or it is deleted."""
        with self._engine.begin() as connection:
            return outbox.close(connection, called, now)

    @again_with_room
    def forget_deliveries(self, before: float) -> int:
        """Remove the webhook events from before that time that have nothing left to be delivered; return how many."""
        with self._engine.begin() as connection:
            return outbox.forget(connection, before)

    @again_with_room
    def line_up(self, places: Sequence[Place]) -> None:
        """Write to jobs that are queued still; an event is passed over if it says what the job's newest one does."""
        with self._engine.begin() as connection:
            for place in places:
                queued = JOBS.update().where(JOBS.c.id == place.job_id, JOBS.c.status == lifecycle.QUEUED)
                if connection.execute(queued.values(estimated_finish=place.finish)).rowcount == 1 and place.event:
                    told = select(EVENTS.c.message).where(EVENTS.c.job_id == place.job_id)
                    newest = connection.scalar(told.order_by(EVENTS.c.seq.desc()).limit(1))
                    add(connection, {EVENTS: [place.event] * (newest != place.event["message"])})

    def oldest_job(self, *statuses: str) -> Record | None:
        """Return the job that has waited longest in one of `statuses`; earlier ones of `statuses` go first."""
        for status in statuses:
            found = self.newest(JOBS, 1, ascending=True, status=status)
            if found:
                return found[0]
        return None

    @again_with_room
    def fact(self, name: str, value: str) -> str:
        """Return the fact `name`; the first to ask sets it to `value`."""
        with self._engine.begin() as connection:
            add_new(connection, FACTS, [{"name": name, "value": value}])
            return str(connection.scalar(select(FACTS.c.value).where(FACTS.c.name == name)))

    def copy_to(self, path: Path) -> None:
        """Copy the whole database, as it is at one moment, to a new SQLite file while others go on writing.

        Raises:
            ValueError: it is no SQLite database.
        """
        source = self._engine.raw_connection()
        try:
            if not isinstance(source.driver_connection, sqlite3.Connection):
                raise ValueError("Only SQLite is copied here; a PostgreSQL is saved with pg_dump.")
            copies.copy(source.driver_connection, path)
        finally:
            source.close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _by_url(url: str) -> Engine:
    return create_engine(url, pool_pre_ping=True)  # the server may have been restarted since


def _equal(table: Table, match: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    return [table.c[name].is_(None) if value is None else table.c[name] == value for name, value in match.items()]


def _record(row: Row[Any] | None) -> Record | None:
    return row._asdict() if row is not None else None


def _carries(metadata: Mapping[str, str] | None, wanted: Mapping[str, str]) -> bool:
    return all((metadata or {}).get(key) == value for key, value in wanted.items())
