"""Runs the measurements one after the other and writes docs/benchmarks.md.

Run `python -m bench.benchmarks [--long] [NAME ...]`; the page is written if none is named.
Each runs in a process of its own, with a time of its own; one that fails is told as not measured, and the others go on.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import report
from bench.report import Report

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
NAMES = (
    *("gateway", "start", "growth", "streams", "uploads", "check", "tokens"),
    *("first_step", "prompt", "chat"),
)
SHORT_SECONDS, LONG_SECONDS = 900, 3600  # far more than on a quiet machine
INTRODUCTION = """# Benchmarks

Made by `make bench`; not written by hand. A row with a ratio holds us against a peer that was measured in the same run,
in turns with us: ours by the peer's. Seconds of a busy machine are long for both: the ratios are what counts, and an
absolute bar that is not met is to be looked at again on a quiet one.
"""


def run(name: str, folder: Path, *, short: bool) -> Report | str:
    """Run one measurement; return what it told, or why there is nothing."""
    path = folder / f"{name}.json"
    command = [sys.executable, "-m", f"bench.{name}", "--rows", str(path), *(["--short"] if short else [])]
    try:
        ended = subprocess.run(command, cwd=ROOT, timeout=SHORT_SECONDS if short else LONG_SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        return f"not over within {late.timeout:g} s"
    return report.read(path) if path.is_file() else f"it ended with {ended.returncode}"


def page(told: dict[str, Report | str], machine: str, day: str) -> str:
    """The whole of docs/benchmarks.md."""
    reports = [one for one in told.values() if isinstance(one, Report)]
    failed = [f"- `bench.{name}` was not measured: {why}." for name, why in told.items() if isinstance(why, str)]
    missed = [f"- {one.title}: {row.claim}" for one in reports for row in one.rows if row.verdict == "NOT met"]
    verdicts = [row.verdict for one in reports for row in one.rows]
    empty = verdicts.count("not measured") + len(failed)
    verdict = f"{verdicts.count('met')} bars met, {len(missed)} NOT met, {empty} measurements without a figure."
    head = [INTRODUCTION, f"{day}, {machine}.\n", f"{verdict}\n", *missed, *failed, ""]
    return "\n".join([*head, *(report.markdown(one) for one in reports)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is named, or all, and write the page if it was all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--long", action="store_true", help="the claims at their full size: about two hours")
    options = parser.parse_args(arguments)
    machine = report.machine()
    with TemporaryDirectory() as folder:
        told = {name: run(name, Path(folder), short=not options.long) for name in options.names}
    text = page(told, machine, datetime.now(UTC).date().isoformat())
    if tuple(options.names) == NAMES and any(isinstance(one, Report) for one in told.values()):
        PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
