"""What each measurement tells: a row a claim, held to its bar; prints them, or hands them to `bench.benchmarks`."""

import argparse
import json
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Row:
    """One figure of ours beside a peer's, both medians of one run; the bar is on their ratio, or on ours alone."""

    claim: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours by theirs; None without a peer that was measured."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def bar(self) -> str:
        """The bar in words; empty for a row that only informs."""
        of = "times" if self.peer else self.unit
        if self.at_least is not None:
            return f"at least {self.at_least:g} {of}".rstrip()
        return f"at most {self.at_most:g} {of}" if self.at_most is not None else ""

    @property
    def verdict(self) -> str:
        """`met`, `NOT met`, `not measured` where the peer gave no figure, or nothing without a bar."""
        if not self.bar:
            return ""
        held = self.ratio if self.peer else self.ours
        if held is None:
            return "not measured"
        high_enough = self.at_least is None or held >= self.at_least
        return "met" if high_enough and (self.at_most is None or held <= self.at_most) else "NOT met"


@dataclass(frozen=True)
class Report:
    """What one script measured, how, and with which versions."""

    title: str
    how: str
    rows: list[Row]
    versions: dict[str, str]


HEADINGS = ("claim", "us", "peer", "its figure", "ratio", "bar", "")


def figure(value: float | None, unit: str = "") -> str:
    """Three digits that count, thousands apart; a dash for what there is not."""
    if value is None:
        return "-"
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {unit}".rstrip()


def cells(row: Row) -> tuple[str, ...]:
    """The row as text, a cell a heading."""
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
    return (
        row.claim,
        figure(row.ours, row.unit),
        row.peer or "-",
        figure(row.theirs, row.unit),
        ratio,
        row.bar or "-",
        row.verdict,
    )


def table(rows: Sequence[Row]) -> str:
    """The rows in columns, for a terminal."""
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def markdown(report: Report) -> str:
    """The report as a section of docs/benchmarks.md."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, report.rows)]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"## {report.title}\n\n{report.how}\n\n{body}\n\nVersions: {versions}.\n"


def machine() -> str:
    """What the figures were taken on, in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpuinfo, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    named = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.is_file() else None
    held = re.search(r"MemTotal:\s*(\d+) kB", meminfo.read_text()) if meminfo.is_file() else None
    memory = f", {int(held[1]) / 1024**2:.0f} GiB" if held else ""
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    name = named[1] if named else platform.processor() or platform.machine()
    return f"{cores} cores {name}{memory}, {platform.system()}, Python {platform.python_version()}{load}"


def versions(*names: str) -> dict[str, str]:
    """The versions of packages of this environment."""
    return {name: metadata.version(name) for name in names}


def middle(values: Sequence[float]) -> float | None:
    """The median; None if nothing was measured."""
    return median(values) if values else None


def main(measure: Callable[[bool], Report]) -> None:
    """Measure, print the table, and with `--rows FILE` write the report there as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="less of everything: minutes instead of a quarter hour")
    parser.add_argument("--rows", type=Path, help="write the rows here, for bench.benchmarks")
    options = parser.parse_args()
    print(machine(), flush=True)
    report = measure(options.short)
    print(f"{report.title}: {report.how}\n{table(report.rows)}")
    print(", ".join(f"{name} {version}" for name, version in report.versions.items()))
    if options.rows:
        options.rows.write_text(json.dumps(asdict(report)), encoding="utf-8")


def read(path: Path) -> Report:
    """Return the report that `main` wrote."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return Report(**told | {"rows": [Row(**row) for row in told["rows"]]})
