"""Both servers, live, for drivers that kill them: the service before an engine whose jobs stay as they were created."""

from pathlib import Path

from gate import KeyFile
from tests.fakes.bare_gguf import BARE
from tests.fakes.service import Service
from tests.live_engine import LiveEngine

ENGINE_KEY = "known-to-the-histories"


class HeldEngine(LiveEngine):
    """An engine whose worker is held."""

    program = ("tests.fakes.held_engine",)


class Product:
    """Both servers, live, and how often each was killed."""

    def __init__(self, folder: Path) -> None:
        (folder / "base.gguf").write_bytes(BARE)
        self.log = (folder / "log.txt").open("wb")
        quiet = {"LOG_LEVEL": "WARNING", "ENGINE_API_KEY": ENGINE_KEY}
        self.engine = type("Logged", (HeldEngine,), {"output": self.log})(
            folder / "engine", folder / "base.gguf", **quiet
        )
        self.keys = KeyFile(folder / "service" / "keys.sqlite3")
        self.keys.make("admin", frozenset({"admin"}))
        upstream = {"OPENAI_BASE_URL": self.engine.url, "OPENAI_API_KEY": ENGINE_KEY, "DEFAULT_MODEL": "base"}
        own = {"DATA_DIR": str(folder / "service"), "RATE_LIMIT": "0", "UPSTREAM_TIMEOUT": "600"}
        self.service = type("Logged", (Service,), {"output": self.log})(**upstream, **own)
        self.kills = 0

    def wait(self) -> None:
        """Return once both answer."""
        self.engine.wait()
        self.service.wait()

    def kill(self, victim: str) -> None:
        """End one server, or both, as nobody should."""
        self.kills += 1
        if victim != "service":
            self.engine.kill()
        if victim != "engine":
            self.service.process.kill()
            self.service.process.wait()

    def revive(self, victim: str) -> None:
        """Start again what was killed, and wait for it."""
        if victim != "service":
            self.engine.start()
        if victim != "engine":
            self.service.start()
        self.wait()

    def end(self) -> None:
        """Stop both."""
        self.service.end()
        self.engine.end()
        self.log.close()
