"""Keeps the embedded engine running: starts it, adopts one that knows its secret, restarts one that dies.

It knows the engine only by its command line and its address; what the engine does is the engine's matter.
"""

import logging
import secrets
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import lifeline
import loopback
from observe.masking import hide
from services import proof
from services.deadlines import Connection, within
from services.failures import EngineFailed, EngineUnavailable

log = logging.getLogger("tune9527.engine")

# The engine's setting for the key it asks for; an argument would be seen by everybody on the machine.
KEY_SETTING = "ENGINE_API_KEY"

_FAULTS = {
    "stranger": "is no engine",
    "locked": "says that it is an engine, but has another key than ours or none (ENGINE_API_KEY)",
}


@dataclass(frozen=True)
class Patience:
    """Seconds: how long a call waits for a starting engine, and how long the supervisor waits for what."""

    call: float = 15.0
    start: float = 60.0
    stop: float = 8.0
    tick: float = 0.1
    watch: float = 2.0
    probe: float = 2.0
    first_pause: float = 0.5
    most_starts: int = 5


class EmbeddedEngine:
    """A supervised engine at `host:port`; `require` is what a call upstream waits on."""

    def __init__(
        self,
        host: str,
        port: int,
        secret: str = "",
        command: Sequence[str] = ("engine", "serve"),
        patience: Patience | None = None,
    ) -> None:
        # An engine that listens on every address is reached on the loopback one.
        self.host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
        self.port = port
        # Whoever else is on this machine cannot ask the engine behind the service's back.
        self.secret = secret or secrets.token_urlsafe(32)
        self._command = command
        self._patience = patience or Patience()
        self._settled = threading.Event()
        self._problem = ""
        self._ending = threading.Event()
        self._said: deque[str] = deque(maxlen=20)
        self._thread = threading.Thread(target=self._supervise, name="engine-supervisor")

    @property
    def base_url(self) -> str:
        """Where the engine's API is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"

    def start(self) -> None:
        """Begin to supervise; returns at once."""
        self._thread.start()

    def demand_proof(self, connection: Connection) -> None:
        """Let a new connection to our port pass if the engine is at its other end; raises OSError."""
        proof.demand(connection, self.secret, self.port, connection.patience)

    def stop(self) -> None:
        """End our own engine, if we started one, and wait for it."""
        self._ending.set()
        self._thread.join()

    def require(self) -> None:
        """Return when the engine answers; wait for one that is starting.

        Raises:
            EngineUnavailable: 503, it is still starting.
            EngineFailed: 503, with what a person must mend.
        """
        self._settled.wait(self._patience.call)
        if not self._settled.is_set():
            message = "The engine is still starting; try again in a moment."
            raise EngineUnavailable(message, headers={"Retry-After": "5"})
        if self._problem:
            raise EngineFailed(self._problem)

    def _supervise(self) -> None:
        failed_starts = 0
        while not self._over():
            answer = self._probe()
            if answer == "engine":
                failed_starts = 0
                self._adopt()
            elif answer == "silent":
                self._wait_out_silence()
            elif answer in ("stranger", "locked"):
                self._give_up_port(_FAULTS[answer])
                self._pause(self._patience.watch)
            elif failed_starts >= self._patience.most_starts:
                self._pause(self._patience.watch)
            elif self._run_child():
                failed_starts = 0
                self._pause(self._patience.first_pause)
            else:
                failed_starts += 1
                self._after_failed_start(failed_starts)

    def _adopt(self) -> None:
        """Use an engine that somebody else started, until it is gone."""
        log.info("using the engine that already answers at %s", self.base_url)
        self._settle()
        while self._probe() in ("engine", "silent"):
            if self._pause(self._patience.watch):
                return
        self._unsettle()

    def _wait_out_silence(self) -> None:
        """Stay while somebody is there who says nothing: a busy engine, if it does not last as long as a start may."""
        deadline = time.monotonic() + self._patience.start
        while self._probe() == "silent":
            if time.monotonic() > deadline:
                self._give_up_port("does not answer")
            if self._pause(self._patience.watch):
                return

    def _run_child(self) -> bool:
        """Start an engine and stay with it until it ends or we do; False if it never answered."""
        self._unsettle()
        self._said.clear()
        process = lifeline.spawn(self._command, subprocess.STDOUT, ENGINE_API_KEY=self.secret)
        log.info("engine started with pid %d", process.pid)
        threading.Thread(target=self._listen, args=(process,), name="engine-log", daemon=True).start()
        answered, deadline = False, time.monotonic() + self._patience.start
        while process.poll() is None and not self._over():
            if not answered and self._probe() == "engine":
                answered = True
                self._settle()
            if not answered and time.monotonic() > deadline:
                break
            self._ending.wait(self._patience.tick)
        self._unsettle()
        log.info("engine ended with exit code %d", lifeline.release(process, self._patience.stop))
        return answered

    def _after_failed_start(self, failed_starts: int) -> None:
        if self._over():
            return
        reason = f"The engine does not start; its last words: {self._last_words()}"
        if failed_starts >= self._patience.most_starts:
            self._give_up(f"{reason} (gave up after {failed_starts} tries; mend it, then restart the service)")
            return
        log.warning("%s (try %d)", reason, failed_starts)
        self._pause(self._patience.first_pause * 2 ** (failed_starts - 1))

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        """Pass the engine's lines on to our stderr; an unread pipe would stop it."""
        assert process.stdout is not None
        for line in process.stdout:
            text = hide(line.decode("utf-8", "replace").rstrip(), self.secret)
            self._said.append(text)
            with suppress(OSError, ValueError):  # ours is broken or closed: the pipe is read on all the same
                print(text, file=sys.stderr, flush=True)

    def _last_words(self) -> str:
        return next((line for line in reversed(self._said) if line.strip()), "none")

    def _probe(self) -> str:
        """Tell who is at the address: an `engine`, one that is `locked`, a `stranger`, a `silent` one or `nobody`."""
        seconds = self._patience.probe
        try:
            with within(seconds), Connection(loopback.connect(self.host, self.port, seconds), seconds) as connection:
                self.demand_proof(connection)
        except (TimeoutError, ConnectionResetError):
            return "silent"
        except proof.Unproven as stranger:
            return "locked" if stranger.says_engine else "stranger"
        except OSError:
            return "nobody"
        return "engine"

    def _settle(self) -> None:
        self._problem = ""
        self._settled.set()

    def _unsettle(self) -> None:
        self._problem = ""
        self._settled.clear()

    def _give_up_port(self, fault: str) -> None:
        self._give_up(f"Port {self.port} is taken by a program that {fault}; set ENGINE_PORT to a free one.")

    def _give_up(self, problem: str) -> None:
        if self._problem != problem:
            log.error("%s", problem)
        self._problem = problem
        self._settled.set()

    def _pause(self, seconds: float) -> bool:
        """Wait; True if it is time to end."""
        deadline = time.monotonic() + seconds
        while not self._over() and time.monotonic() < deadline:
            self._ending.wait(min(self._patience.tick, max(0.0, deadline - time.monotonic())))
        return self._over()

    def _over(self) -> bool:
        """Whether we were stopped, or the process is ending: this thread outlives the main one to stop the engine."""
        return self._ending.is_set() or not threading.main_thread().is_alive()
