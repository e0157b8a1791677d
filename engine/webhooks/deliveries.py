"""Sends what the outbox holds, at least once and under one id, until it is taken or 72 hours are over.

`Deliveries.turn(now)` decides what is sent now, a thread a delivery sends it; what a kill interrupts is sent again.
Where one engine takes another's place, and both are there, one sends a delivery: whoever counts the attempt has it.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.store import WEBHOOK_ENDPOINTS, WEBHOOK_EVENTS, Record, Store
from engine.webhooks import handout, message
from engine.webhooks.sender import Sender, Unreachable
from wire.errors import BadRequest

_LOG = logging.getLogger(__name__)
_PENDING = "pending"
_GONE = 410
# Endpoints that are sent to at once; each gets one delivery at a time, so that a slow one holds up itself alone.
_AT_ONCE = 16
_LOOKED_AT = 100
_SWEEP_SECONDS = 3600.0


@dataclass(frozen=True)
class Schedule:
    """Seconds: the first pause after a failure, how it grows to which most, and when a delivery is given up.

    An attempt that has not ended after `lease` may be made again, by whichever engine; what is over is `kept`.
    """

    first: float = 5.0
    factor: float = 4.0
    most: float = 12 * 3600.0
    lifetime: float = 72 * 3600.0
    jitter: float = 0.1
    lease: float = 60.0  # an attempt takes ten seconds at most, and its host's name is looked up before
    kept: float = 30 * 24 * 3600.0

    def pause(self, attempts: int, chance: random.Random) -> float:
        """Return how long to wait after that many attempts have failed."""
        grown: float = self.first * self.factor ** min(attempts - 1, 32)
        return min(grown, self.most) * (1 + self.jitter * (2 * chance.random() - 1))


class Deliveries:
    """The outbox of one engine; all that it must remember is in the store."""

    def __init__(
        self, store: Store, sender: Sender, schedule: Schedule | None = None, chance: random.Random | None = None
    ) -> None:
        self._store = store
        self._sender = sender
        self._schedule = schedule or Schedule()
        self._chance = chance or random.SystemRandom()
        self._busy: dict[str, threading.Thread] = {}
        self._next_sweep = 0.0

    def turn(self, now: float) -> None:
        """Give every new event its deliveries, then begin what is due, at most one an endpoint; forget what is old."""
        if now >= self._next_sweep or now < self._next_sweep - _SWEEP_SECONDS:  # a clock may be set back
            self._next_sweep = now + _SWEEP_SECONDS
            self._store.forget_deliveries(now - self._schedule.kept)
        handout.hand_out(self._store, now)
        for row in self._store.due_deliveries(now, _LOOKED_AT, list(self._busy)):
            endpoint_id = row["endpoint_id"]
            if endpoint_id not in self._busy and len(self._busy) < _AT_ONCE:
                thread = threading.Thread(target=self._attempt, args=(row, now), name=row["id"], daemon=True)
                self._busy[endpoint_id] = thread
                thread.start()

    def settle(self) -> None:
        """Wait until what the turns have begun is over and written down."""
        for thread in list(self._busy.values()):
            thread.join()

    def run(self, stop: threading.Event, clock: Callable[[], float] = time.time, pause: float = 0.2) -> None:
        """Take turns until `stop` is set, then wait for what is under way."""
        while not stop.wait(pause):
            try:
                self.turn(clock())
            except Exception:  # the edge of this thread: one bad turn must not end all deliveries
                _LOG.exception("A turn of the webhooks failed.")
        self.settle()

    def _attempt(self, delivery: Record, now: float) -> None:
        try:
            attempts = delivery["attempts"] + 1
            pause = self._schedule.pause(attempts, self._chance)
            # The next attempt is written down before this one: a full disk or a kill must not make a storm of them.
            if not self._store.take_delivery(delivery, now + max(pause, self._schedule.lease)):
                return
            outcome = self._send(delivery, now)
            is_last = now + pause > delivery["created_at"] + self._schedule.lifetime
            status = _status_after(outcome, is_last)
            self._store.update_delivery(delivery | {"attempts": attempts}, status=status, due_at=now + pause)
            level = logging.INFO if status in ("delivered", "dropped") else logging.WARNING
            said = f"HTTP {outcome}" if isinstance(outcome, int) else outcome or "its endpoint is deleted or gone"
            _LOG.log(level, "Webhook %s, attempt %s: %s (%s).", delivery["id"], attempts, status, said)
        except Exception:  # the edge of this thread; the delivery is due again later
            _LOG.exception("The webhook delivery %s broke off.", delivery["id"])
        finally:
            self._busy.pop(delivery["endpoint_id"], None)

    def _send(self, delivery: Record, now: float) -> int | str | None:
        """Return the status of the answer, the reason why there is none, or None if the endpoint is no more."""
        endpoint = self._store.one(WEBHOOK_ENDPOINTS, id=delivery["endpoint_id"])
        event = self._store.one(WEBHOOK_EVENTS, id=delivery["event_id"])
        if endpoint is None or endpoint["gone_at"] is not None or event is None:
            return None
        content = message.body(event)
        headers = message.headers(endpoint, delivery["id"], content, int(now))
        try:
            status = self._sender.post(endpoint["url"], headers, content)
            if status == _GONE and not self._store.close_endpoint(endpoint, int(now)):
                return "gone, but for a URL that is no longer its endpoint's"
            return status
        except Unreachable as reason:
            return str(reason)
        except BadRequest:
            return "the settings do not let webhooks go there any more"


def _status_after(outcome: int | str | None, is_last: bool) -> str:
    if outcome is None:
        return "dropped"
    if isinstance(outcome, int) and 200 <= outcome < 300:
        return "delivered"
    return "given_up" if is_last or outcome == _GONE else _PENDING
