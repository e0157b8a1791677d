"""The command line of dataprep: `check`, `convert`, `stats`, `formats`; it parses and prints, others do the work.

Exit codes: 0 fine, 1 errors in the file or no example came out, 2 it could not be done, with the reason.
"""

import argparse
import io
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import Field, asdict, fields
from errno import ENOTDIR
from pathlib import Path
from typing import Any, BinaryIO

from dataprep.checks.checker import check
from dataprep.checks.leak import add_leaks
from dataprep.checks.profiles import TARGETS
from dataprep.checks.report import Report
from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.loss_report import summarise, tell
from dataprep.conversion.options import ALIASES, Options, WrongOption, read_options
from dataprep.conversion.output import OutputExists, Outputs, write
from dataprep.conversion.speakers import NeedsMe
from dataprep.decoding import encoding_of, is_encoding
from dataprep.estimate import BadPrices, estimate_epochs, example_limit, load_prices
from dataprep.fixing.fix import FixReport, Unfixable, fix, settle_encoding
from dataprep.outlook import look_ahead
from dataprep.plural import counted
from dataprep.sources.registry import SOURCES
from dataprep.sources.source import UnreadableSource

# As a shell tells of a program that SIGPIPE has ended.
_READER_LEFT = 141


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console may lack characters that chats have
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except NeedsMe as unknown:
        print(f"{unknown} On the command line: --me NAME.", file=sys.stderr)
        return 2
    except BrokenPipeError:  # such as `| head`: enough has been read, and nothing is left to be said
        sys.stdout = None
        return _READER_LEFT
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return 2
    except (UnreadableSource, WrongOption, OutputExists, Unfixable, BadPrices) as refusal:
        print(refusal, file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dataprep", description="Makes and checks training data (JSONL).")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="check a file line by line and say what is wrong with it")
    checking.set_defaults(run=_check)
    checking.add_argument("file", type=Path, metavar="FILE")
    checking.add_argument("--profile", choices=TARGETS, default="engine", help="whose rules to hold it to")
    checking.add_argument("--model", default="", help="which model is to be trained: how long its examples may be")
    checking.add_argument(
        "--max-tokens", type=_above_0, metavar="N", help="how long an example may be, whatever the model"
    )
    checking.add_argument("--against", type=Path, metavar="TRAINING", help="find what stands in this file as well")
    checking.add_argument("--thorough", action="store_true", help="read every example's wording in large files too")
    checking.add_argument("--json", action="store_true", help="print the report as JSON")
    checking.add_argument("--fix", type=Path, metavar="OUT", help="write a mended copy, and check that")
    checking.add_argument("--mask", action="store_true", help="with --fix: mask personal data and secrets as well")
    checking.add_argument(
        "--encoding", metavar="NAME", help="with --fix: what FILE is in, such as gb18030, not guessed"
    )
    converting = commands.add_parser("convert", help="make training data of exports and sheets")
    converting.set_defaults(run=_convert)
    converting.add_argument("inputs", type=Path, nargs="+", metavar="IN", help="files, or folders of files")
    converting.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the .jsonl file to write")
    for one in fields(Options):
        _add_option(converting, one)
    counting = commands.add_parser("stats", help="describe a training file in numbers, and estimate a training on it")
    counting.set_defaults(run=_look_ahead)
    counting.add_argument("file", type=Path, metavar="FILE")
    counting.add_argument("--model", default="", help="whose tokens and price count")
    counting.add_argument("--epochs", type=_above_0, help="instead of the rule of thumb")
    counting.add_argument("--prices", type=Path, metavar="TOML", help="a price table of your own")
    counting.add_argument("--tokens-per-second", type=float, help="what this machine was measured to train")
    listing = commands.add_parser("formats", help="list the formats that can be read")
    listing.set_defaults(run=_list_formats)
    return parser


def _add_option(parser: argparse.ArgumentParser, one: Field[Any]) -> None:
    """Add an option under its own name and those of WeClone; `--no-mask` turns a switch off."""
    names = [one.name, *(alias for alias, name in ALIASES.items() if name == one.name)]
    text = one.metadata["help"].replace("%", "%%")
    if isinstance(one.default, bool):
        flag = f"--no-{one.name}" if one.default else f"--{one.name.replace('_', '-')}"
        told = "Do not: " if one.default else ""
        stored = ["false" if one.default else "true"]
        parser.add_argument(flag, dest=one.name, action="store_const", const=stored, help=told + text)
        return
    flags = [f"--{name.replace('_', '-')}" for name in names]
    shown = "" if one.default in ((), "") else f" (default {one.default:g})"
    parser.add_argument(*flags, dest=one.name, action="append", metavar="X", help=text + shown)


def _above_0(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above 0")
    return number


def _check(options: argparse.Namespace) -> int:
    file: Path = options.fix or options.file
    if options.mask and options.fix is None:
        print("--mask changes what is written: name a new file with --fix OUT.", file=sys.stderr)
        return 2
    if options.encoding and (options.fix is None or not is_encoding(options.encoding)):
        known = (
            "Name one that Python knows: utf-8, gb18030, big5, utf-16." if options.fix else "It goes with --fix OUT."
        )
        print(f"--encoding {options.encoding}: {known}", file=sys.stderr)
        return 2
    # A training file that cannot be opened is told before anything is written.
    with nullcontext() if options.against is None else options.against.open("rb") as training:
        if options.fix is not None:
            _refuse_without_folder(options.fix)
            fixed = fix(
                options.file, options.fix, mask=options.mask, encoding=options.encoding, profile=options.profile
            )
            _tell_changes(fixed, quiet=options.json)
        report = _examine(file, options, training)
    if options.json:
        print(json.dumps({"file": str(file), "ok": report.ok, **asdict(report)}, ensure_ascii=False, indent=1))
    else:
        _print(report, file)
    return 0 if report.ok else 1


def _refuse_without_folder(output: Path) -> None:
    """Raise NotADirectoryError that names the folder, not the temporary file that cannot be made in it."""
    if not output.parent.is_dir():
        raise NotADirectoryError(ENOTDIR, "there is no such folder; make it first", str(output.parent))


def _examine(file: Path, options: argparse.Namespace, training: BinaryIO | None) -> Report:
    """Check a file, as one for validation if there is a training file."""
    with file.open("rb") as stream:
        target, limit = TARGETS[options.profile], options.max_tokens or _limit_of(options.model, options.profile)
        report = check(stream, profile=target.name, minimum=target.minimum, max_tokens=limit, thorough=options.thorough)
        if training is not None:
            stream.seek(0)
            add_leaks(report, training, stream)
    return report


def _limit_of(model: str, profile: str) -> int | None:
    """Return how long an example of the model may be; where nobody knows it, say what counts instead."""
    limit = example_limit(model, load_prices()) if model else None
    if model and limit is None:
        own = TARGETS[profile].max_tokens
        counts = "none counts" if own is None else f"that of {profile} counts, {own} tokens"
        print(f"No limit of '{model}' is known, so {counts}. --max-tokens N sets one.", file=sys.stderr)
    return limit


def _tell_changes(fixed: FixReport, *, quiet: bool) -> None:
    """Print what a fix did; beside JSON on the standard output, to the standard error."""
    stream = sys.stderr if quiet else sys.stdout
    for change in fixed.changes:
        print(f"fixed: Line {change.line}: {change.what} [{change.code}]", file=stream)
    dropped = "".join(f", {count} dropped ({reason})" for reason, count in fixed.dropped.items())
    print(f"{counted(fixed.records, 'record')} read as {fixed.encoding}, {fixed.written} written{dropped}", file=stream)


def _print(report: Report, file: Path) -> None:
    for finding in report.findings:
        print(f"{finding.severity}: {finding.message} [{finding.code}]")
    if any(finding.code == "invalid_utf8" for finding in report.findings):
        _tell_encoding(file)
    hidden = report.errors + report.warnings - len(report.findings)
    if hidden > 0:
        print(f"... and {hidden} more")
    kind = report.kind or "no known kind of"
    ending = "" if report.complete else "; the check stopped early"
    print(
        f"{file}: {counted(report.examples, f'{kind} example')}, {counted(report.errors, 'error')},"
        f" {counted(report.warnings, 'warning')}{ending}"
    )


def _tell_encoding(file: Path) -> None:
    """Print what a file that is no UTF-8 may be in: what a fix takes it for, or what only a person can be sure of."""
    settled, guess = settle_encoding(file), encoding_of(file)
    if settled != "utf-8":
        print(
            f"The file seems to be in {settled}: --fix OUT writes it in UTF-8, --encoding NAME tells it a better name."
        )
    elif not guess.startswith("utf-8"):
        print(f"The bytes that are no UTF-8 may be {guess}. If all of the file is: --fix OUT --encoding {guess}")


def _convert(options: argparse.Namespace) -> int:
    outputs = Outputs(options.output)
    outputs.refuse_existing()
    _refuse_without_folder(options.output)
    conversion = convert(labelled(options.inputs), read_options(_given(vars(options))))
    report = summarise(conversion)
    if not conversion.training:
        print(tell(report))
        print("No example came out, so nothing was written; the table says why.", file=sys.stderr)
        return 1
    write(conversion, options.output)  # before the report, whose reader may have left
    print(tell(report))
    print(f"Written: {', '.join(str(path) for path in outputs.present())}")
    return 0


def _given(values: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    return {one.name: values[one.name] for one in fields(Options) if values[one.name] is not None}


def _look_ahead(options: argparse.Namespace) -> int:
    with options.file.open("rb") as stream:
        found = look_ahead(
            stream,
            options.model,
            load_prices(options.prices),
            options.epochs or estimate_epochs,
            options.tokens_per_second,
        )
    print(json.dumps(found.to_wire(), ensure_ascii=False, indent=1))
    return 0


def _list_formats(_: argparse.Namespace) -> int:
    width = max((len(source.name) for source in SOURCES), default=0)
    for source in SOURCES:
        print(f"{source.name:<{width}}  {source.title}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
