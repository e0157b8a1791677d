"""The command line: `python -m dataprep check FILE` prints the findings and exits with 1 if any is an error."""

import argparse
import sys
from pathlib import Path

from dataprep.checker import PROFILES, check
from dataprep.report import Report


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 fine, 1 errors in the file, 2 the file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m dataprep", description="Checks training data (JSONL).")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="check a file line by line and say what is wrong with it")
    checking.add_argument("file", type=Path, metavar="FILE")
    checking.add_argument("--profile", choices=PROFILES, default=PROFILES[0], help="whose rules to hold it to")
    options = parser.parse_args(arguments)
    try:
        with options.file.open("rb") as stream:
            report = check(stream, profile=options.profile)
    except OSError as error:
        print(f"{options.file}: {error.strerror or error}", file=sys.stderr)
        return 2
    _print(report, options.file)
    return 0 if report.ok else 1


def _print(report: Report, file: Path) -> None:
    for finding in report.findings:
        print(f"{finding.severity}: {finding.message} [{finding.code}]")
    hidden = report.errors + report.warnings - len(report.findings)
    if hidden > 0:
        print(f"... and {hidden} more")
    kind = report.kind or "no known kind of"
    ending = "" if report.complete else "; the check stopped early"
    print(
        f"{file}: {report.examples} {kind} example(s), {report.errors} error(s), {report.warnings} warning(s){ending}"
    )


if __name__ == "__main__":
    sys.exit(main())
