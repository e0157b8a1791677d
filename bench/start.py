"""How soon the service answers `/status`, and what it holds: bars 0.3 s and 120 MB, against LiteLLM's proxy.

Run `python -m bench.start [--short]`. They take turns; each start is that of a new process, with what it reads warm.
The megabytes are those of the service's two processes once the SDK is loaded, without the engine's.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median

from bench import servers
from bench.report import Report, Row, main, versions
from bench.servers import Server
from tests.fakes.ports import free_port

NOWHERE = "http://127.0.0.1:9/v1"
SETTLE = 3.0  # seconds until the SDK is loaded
BARE = """
import sys
from flask import Flask
app = Flask("bare")
app.add_url_rule("/status", view_func=lambda: {"info": "ok", "response": {}})
app.run(port=int(sys.argv[1]))
"""


def bare() -> AbstractContextManager[Server]:
    """Flask's development server with nothing but `/status`: the floor."""
    port = free_port()
    return servers.started("bare Flask", (sys.executable, "-c", BARE, str(port)), port, "/status")


def embedded() -> AbstractContextManager[Server]:
    """The service as it starts without any setting."""
    engine = {"OPENAI_BASE_URL": "", "OPENAI_API_KEY": "", "ENGINE_PORT": str(free_port())}
    return servers.ours(NOWHERE, "ours, embedded engine", **engine)


WAYS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "ours": lambda: servers.ours(NOWHERE),
    "ours, embedded engine": embedded,
    "bare Flask": bare,
    "LiteLLM": lambda: servers.litellm(NOWHERE),
}


def measure(short: bool) -> Report:
    """Start all in turns."""
    rounds = 5 if short else 11
    seconds, spent, sizes = (defaultdict[str, list[float]](list) for _ in range(3))
    for _ in range(rounds):
        for name, way in WAYS.items():
            with way() as server:
                seconds[name].append(server.seconds_to_answer)
                spent[name].append(servers.cpu_seconds(server.without_engine()))
                time.sleep(SETTLE)
                sizes[name].append(servers.megabytes(server.without_engine()))
    rows = [
        row
        for name in ("ours", "ours, embedded engine")
        for row in (
            Row(f"{name}: start to /status", median(seconds[name]), "s", at_most=0.3),
            Row(f"{name}: start to /status", median(seconds[name]), "s", "LiteLLM", median(seconds["LiteLLM"])),
            Row(f"{name}: start to /status", median(seconds[name]), "s", "bare Flask", median(seconds["bare Flask"])),
            Row(f"{name}: CPU until then", median(spent[name]), "s", "bare Flask", median(spent["bare Flask"])),
            Row(f"{name}: memory", median(sizes[name]), "MB", at_most=120),
            Row(f"{name}: memory", median(sizes[name]), "MB", "LiteLLM", median(sizes["LiteLLM"])),
        )
    ]
    how = f"{rounds} starts each, in turns, medians; from the start of the process to the first answer."
    return Report("Start", how, rows, versions("flask", "granian") | servers.peer_versions())


if __name__ == "__main__":
    main(measure)
