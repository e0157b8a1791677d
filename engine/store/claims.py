"""Jobs that one worker holds: taken by one statement, written to under the newest fencing token alone. Who is dead is
not known here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Update, and_, case, or_, select

from engine.store.outbox import with_event
from engine.store.rows import Rows, add, add_new, again_with_room
from engine.store.tables import EVENTS, JOBS

# SQLite reads an expression of a thousand terms at most; those beyond are taken over a turn later.
_DEAD_AT_ONCE = 100


class ClaimLost(Exception):
    """Another worker has taken the job over; whoever held it may write nothing more."""


class Holding(NamedTuple):
    """Who holds a job, under which token, and how often it has been heard of since."""

    job_id: str
    owner: str
    fence: int
    beats: int


class Claim:
    """One job in the hands of one worker; `job` is its row when it was claimed.

    Every method is one transaction, and raises ClaimLost without a trace if the job was claimed anew since.
    """

    make_room: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, engine: Engine, job: dict[str, Any]) -> None:
        self.job = job
        self.job_id = str(job["id"])
        self.fence = int(job["fence"])
        self._engine = engine

    @again_with_room
    def note(self, *events: Mapping[str, Any], **values: Any) -> None:
        """Add events, unless their step has one already, and set `values` on the job; it counts as a heartbeat."""
        with self._engine.begin() as connection:
            if connection.execute(self._beating().values(**values)).rowcount != 1:
                raise self._lost()
            add_new(connection, EVENTS, events)
        self.job.update(values)

    @again_with_room
    def move(self, status: str, before: Collection[str], also: Rows, **values: Any) -> bool:
        """Move the job as `Store.move_job` does; False if its status is none of `before`, as when it was cancelled."""
        moving = self._beating().where(JOBS.c.status.in_(before)).values(status=status, **values)
        with self._engine.begin() as connection:
            moved = connection.execute(moving).rowcount == 1
            if moved:
                add(connection, with_event(self.job_id, status, also, values))
            elif not self._is_newest(connection):
                raise self._lost()
            return moved

    def beat(self) -> None:
        """Tell the others that this worker lives."""
        self.note()

    def release(self) -> None:
        """Let go of the job, so that the next worker need not wait; a lost claim is no fault here."""
        with self._engine.begin() as connection:
            connection.execute(self._beating().values(owner=None))

    def _beating(self) -> Update:
        held = JOBS.update().where(JOBS.c.id == self.job_id, JOBS.c.fence == self.fence)
        return held.values(beats=JOBS.c.beats + 1)

    def _is_newest(self, connection: Connection) -> bool:
        return connection.scalar(select(JOBS.c.fence).where(JOBS.c.id == self.job_id)) == self.fence

    def _lost(self) -> ClaimLost:
        return ClaimLost(f"The job {self.job_id} was taken over by another worker after claim {self.fence}.")


def take(engine: Engine, owner: str, statuses: Sequence[str], dead: Collection[Holding]) -> Claim | None:
    """Claim the job that has waited longest in one of `statuses`, earlier ones first; None if there is none to take.

    A job that nobody, `owner` itself or one of the `dead` holds is to be taken.
    """
    ranks = {status: rank for rank, status in enumerate(statuses)}
    may_take = or_(JOBS.c.owner.is_(None), JOBS.c.owner == owner, *map(_is, islice(dead, _DEAD_AT_ONCE)))
    oldest = select(JOBS.c.seq).where(JOBS.c.status.in_(statuses), may_take)
    oldest = oldest.order_by(case(ranks, value=JOBS.c.status), JOBS.c.seq).limit(1)
    # SQLite has no such clause and needs none: its writers come one after the other.
    chosen = JOBS.c.seq == oldest.with_for_update(skip_locked=True).scalar_subquery()
    taking = JOBS.update().where(chosen).values(owner=owner, fence=JOBS.c.fence + 1, beats=0).returning(*JOBS.c)
    with engine.begin() as connection:
        row = connection.execute(taking).mappings().first()
    return None if row is None else Claim(engine, dict(row))


def held(connection: Connection, statuses: Collection[str]) -> list[Holding]:
    """Return who holds which of the jobs in `statuses`."""
    columns = (JOBS.c.id, JOBS.c.owner, JOBS.c.fence, JOBS.c.beats)
    holding = select(*columns).where(JOBS.c.owner.is_not(None), JOBS.c.status.in_(statuses))
    return [Holding(*row) for row in connection.execute(holding)]


def _is(holding: Holding) -> ColumnElement[bool]:
    told = (JOBS.c.owner == holding.owner, JOBS.c.fence == holding.fence, JOBS.c.beats == holding.beats)
    return and_(JOBS.c.id == holding.job_id, *told)
