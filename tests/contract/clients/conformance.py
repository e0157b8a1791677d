"""`docs/conformance.md`: which clients were driven, what each did, how it ended.

`python -m tests.contract.clients.conformance` drives all of them against a live engine and writes it anew.
"""

import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from tests.contract.clients.catalogue import CLIENTS, ROOT, Client
from tests.contract.clients.driving import CONTEXT, Outcome, drive
from tests.contract.clients.environments import NotDriven
from tests.live_engine import LiveEngine
from tests.tiny_encoder import plant_tiny_encoder
from tests.tiny_models import write_tiny_gguf

TABLE = ROOT / "docs" / "conformance.md"
_HEAD = """# Conformance: other people's clients

Each client below is installed unmodified from its package index, in an environment of its own, and told the engine's
base URL and a key, which nobody looks at. It uploads, trains, and asks the model that it trained, as far as it can: for
real, on a random model of two layers (and an encoder of one). "engine" says which settings the engine has for its sake.

`{command}` drives them all and writes this table; `tests/contract/clients/` has the
scripts and pins every version, and `make clients` fails when a case does not work. The environments are kept in
`.venv-clients/`, 1.8 GB in all; Node.js comes from the Python package index, and its SDK from npm's. Without an index
the tests fail, and say that these clients were not driven.

{origin}

| client | version | engine | what it does | result |
| --- | --- | --- | --- | --- |
"""
OURS = ("torch", "xllamacpp", "flask", "granian", "sqlalchemy")
COMMAND = "python -m tests.contract.clients.conformance"


def rows(client: Client, result_of: Callable[[str], str]) -> list[str]:
    """Return a client's lines of the table."""
    told = f"| {client.title} | `{client.package}` {client.version} | {_settings(client)} |"
    return [f"{told} {words} | {result_of(case)} |" for case, words in client.cases.items()]


def _settings(client: Client) -> str:
    """What the engine was told for this client's sake."""
    return ", ".join(f"`{name}={value}`" for name, value in client.settings) or "as it is"


def write(table: Path, lines: Iterable[str], day: date) -> None:
    """Write the document with these lines of the table, from a run that began on `day` (UTC)."""
    versions = ", ".join(f"{name} {version(name)}" for name in OURS)
    where = f"Python {platform.python_version()} on {platform.system()}"
    origin = f"From the run of {day.isoformat()} with {where}; of the engine's own: {versions}."
    head = _HEAD.format(command=COMMAND, origin=origin)
    table.write_text(head + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def results(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return each case's word in the table; what went wrong in the last line of the client's own words."""
    return {one.case: "works" if one.fault is None else f"fails: {_last_line(one.fault)}" for one in outcomes}


def _last_line(fault: str) -> str:
    return fault.strip().splitlines()[-1].replace("|", "\\|")[:200]


def main() -> int:
    """Drive every client, write the table, and return 1 if a case did not work."""
    day = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as folder:
        base_model = write_tiny_gguf(Path(folder) / "tiny.gguf", context=CONTEXT)
        lines = [
            line for client in CLIENTS for line in rows(client, _drive(client, base_model, Path(folder)).__getitem__)
        ]
    write(TABLE, lines, day)
    return int(any(" | works |" not in line for line in lines))


def _drive(client: Client, base_model: Path, folder: Path) -> dict[str, str]:
    """Return each case's word in the table; every client gets an engine of its own."""
    own = folder / client.name
    own.mkdir()
    plant_tiny_encoder(own / "data")
    engine = LiveEngine(own / "data", base_model, CONTEXT_TOKENS=str(CONTEXT), **dict(client.settings))
    try:
        outcomes = drive(client, engine.wait().url, own)
    except NotDriven as not_driven:
        print(not_driven, file=sys.stderr)
        outcomes = [Outcome(case, "not driven: no package index") for case in client.cases]
    finally:
        engine.end()
    print(client.name, *(f"{one.case} {one.seconds} s {one.fault or ''}" for one in outcomes), sep="\n  ", flush=True)
    return results(outcomes)


if __name__ == "__main__":
    sys.exit(main())
