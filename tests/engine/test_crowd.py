"""A live engine whose callers find no room for their model: the rest of it answers, and who leaves is noticed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
import pytest

from config import EngineConfig
from engine.app import create_engine
from tests.engine.chatting import HI
from tests.engine.tuned import publish
from tests.fakes.ports import connections, model_server, until
from tests.live_engine import LiveEngine
from wire.waiting import COMMENT

TUNED = "ft:tiny:personal::00000001"
ASKED = {"messages": HI, "max_tokens": 4}


@pytest.fixture(scope="module")
def engine(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveEngine]:
    """An engine with four threads and room for one model, whose base model is asked and does not answer."""
    folder = tmp_path_factory.mktemp("crowd")
    base = folder / "tiny.gguf"
    base.symlink_to(tiny_gguf)
    app = create_engine(EngineConfig(data_dir=folder, base_model=str(base)))
    publish(app.extensions["engine"], folder, TUNED, 1)
    app.extensions["engine"].store.close()
    live = LiveEngine(folder, base, ENGINE_THREADS="4", MODELS_LOADED="1", PARALLEL="1", SERVING_THREADS="1")
    with ThreadPoolExecutor(1) as caller:
        try:
            assert ask(live.wait(), "tiny") == 200
            llama = llama_of(live)
            until(lambda: not connections(llama))  # the first answer's may outlive it for a moment
            llama.suspend()
            caller.submit(ask, live, "tiny")
            until(lambda: connections(llama))
            yield live
            llama.kill()  # suspended, it would not see that its engine is gone
        finally:
            live.kill()


def llama_of(live: LiveEngine) -> psutil.Process:
    """The process with both models; one with the first alone gives way to it as soon as nobody asks."""

    def with_both() -> psutil.Process | None:
        with suppress(psutil.Error):
            found = model_server(psutil.Process(live.process.pid))
            return found if found and " ".join(found.cmdline()).count(".gguf") > 1 else None
        return None

    found: psutil.Process = until(with_both)
    return found


def ask(engine: LiveEngine, model: str, seconds: float = 60.0) -> int:
    """Return the status of a question; 0: the caller left after so many seconds without an answer."""
    try:
        asked = {"model": model, **ASKED}
        return httpx2.post(f"{engine.url}/chat/completions", json=asked, timeout=seconds).status_code
    except httpx2.TransportError:
        return 0


def test_callers_in_line_leave_threads_for_the_rest_and_the_line_when_they_go(engine: LiveEngine) -> None:
    with ThreadPoolExecutor(4) as callers:
        statuses = [callers.submit(ask, engine, TUNED, 4.0) for _ in range(4)]
        until(lambda: sum(status.done() for status in statuses) == 2, seconds=4)
        httpx2.get(f"{engine.url}/models", timeout=5).raise_for_status()
        assert sorted(status.result() for status in statuses) == [0, 0, 503, 503]
    until(lambda: ask(engine, TUNED, 2.0) == 0, pause=0.5)


@pytest.mark.parametrize("model", [TUNED, "tiny"], ids=["waits for room", "waits for another's answer"])
def test_a_stream_in_line_shows_that_it_is_alive(engine: LiveEngine, model: str) -> None:
    asked = {"model": model, **ASKED, "stream": True}
    with httpx2.stream("POST", f"{engine.url}/chat/completions", json=asked, timeout=20) as waiting:
        assert waiting.status_code == 200
        assert next(waiting.iter_bytes()) == COMMENT
