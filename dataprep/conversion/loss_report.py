"""Tells what a conversion did, as JSON and as text: rows in, examples out, and why each other row was left behind."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from dataprep.checks.voices import MAX_CONTACT_SHARE, MIN_FOR_SHARES
from dataprep.conversion.cleaning import clean_value
from dataprep.conversion.convert import Conversion
from dataprep.conversion.inputs import Input
from dataprep.conversion.ledger import MAX_DETAILS, Account, explain, runs
from dataprep.conversion.pages import pages_of, tell_pages
from dataprep.conversion.split import explain_split
from dataprep.conversion.verdict import tell_verdict
from dataprep.conversion.windows import Example
from dataprep.plural import counted

MAX_CONTRADICTIONS = 20
MAX_UNREAD = 50
MAX_TOLD_DETAILS = 5


def summarise(conversion: Conversion, profile: str = "openai") -> dict[str, Any]:
    """Return the report as a JSON object; `rows.in` is always `rows.used` and the sum of `rows.left` together.

    `profile` is the target that the examples are checked for.
    """
    ledger, total = conversion.ledger, conversion.ledger.total()
    examples = conversion.training + conversion.validation
    answers = (message for example in examples for message in example.messages if message["role"] == "assistant")
    report = {
        "inputs": [_input(one) for one in conversion.inputs],
        "unread": [asdict(one) for one in conversion.unread[:MAX_UNREAD]],
        "pages": pages_of(conversion.inputs),
        "rows": _account(total),
        "files": [{"file": file, **_account(account)} for file, account in ledger.accounts().items()],
        "reasons": {reason: explain(reason) for reason in sorted(total.left)},
        "details": {
            reason: [{"file": place.file, "row": place.row, "detail": detail} for place, detail in kept]
            for reason, kept in sorted(ledger.details().items())
        },
        "taken_out": dict(sorted(ledger.taken_out.items())),
        "chats": conversion.chats,
        "largest_chat": _largest_chat(examples),
        "speakers": [asdict(one) for one in conversion.speakers],
        "sessions": conversion.sessions,
        "examples": {"training": len(conversion.training), "validation": len(conversion.validation)},
        "split": explain_split(conversion.training, conversion.validation, conversion.options.valid_share),
        "answers": sum(answer.get("weight") != 0 for answer in answers),
        "check": conversion.check(profile),
        "masked": dict(sorted(conversion.masked.items())),
        "contradictions": {
            "count": len(conversion.contradictions),
            "first": [asdict(one) for one in conversion.contradictions[:MAX_CONTRADICTIONS]],
        },
        "options": asdict(conversion.options),
    }
    return cast(dict[str, Any], clean_value(report))


def tell(report: Mapping[str, Any]) -> str:
    """Return the report in words, with its accounts as a table."""
    lines = [_tell_input(one) for one in report["inputs"]]
    lines += [f"{one['input']}: {one[note]}" for note in ("lacks", "caution") for one in report["inputs"] if one[note]]
    lines += [f"{one['label']}: not read, {one['reason']}" for one in report["unread"]]
    lines += [told for one in report["pages"] for told in tell_pages(one)]
    made = report["examples"]
    talked = (
        f"{counted(report['chats'], 'chat')}, {counted(report['sessions'], 'session')}: " if report["chats"] else ""
    )
    lines += [
        "",
        f"{talked}{counted(made['training'], 'example')} for training, {made['validation']} for validation,"
        f" {counted(report['answers'], 'answer')} to learn.",
        *([report["split"]] if report["split"] else []),
        "",
        *_table(report),
    ]
    lines += [told for reason, kept in report["details"].items() for told in _tell_rows(reason, kept)]
    if report["taken_out"]:
        taken = ", ".join(f"{what} ({count})" for what, count in report["taken_out"].items())
        lines += ["", f"Taken out of rows: {taken}."]
    if report["speakers"]:
        heard = (f"{one['name']} ({one['role']}) {one['used']} of {one['messages']}" for one in report["speakers"])
        lines += ["", f"Messages used, by speaker: {', '.join(heard)}."]
    lines += _one_sided(report)
    verdicts = [part for part in (report["check"]["training"], report["check"]["validation"]) if part]
    if verdicts:
        lines += ["", tell_verdict(report["check"]["profile"], verdicts)]
    if report["masked"]:
        masked = ", ".join(f"{count} {kind}" for kind, count in report["masked"].items())
        lines += ["", f"Masked in the rows read: {masked}."]
    return "\n".join([*lines, *_contradictions(report["contradictions"])]) + "\n"


def _largest_chat(examples: Sequence[Example]) -> dict[str, Any] | None:
    """Which chat most examples come from, and their share; None where no example comes from a chat."""
    chats = Counter(example.chat for example in examples if example.chat)
    if not chats:
        return None
    chat, count = chats.most_common(1)[0]
    return {"chat": chat, "examples": count, "share": count / len(examples)}


def _input(one: Input) -> dict[str, str]:
    source = one.source
    told = {"format": source.name, "title": source.title, "because": one.reason, "encoding": one.head.encoding}
    return {"input": one.head.label, **told, "lacks": source.lacks, "caution": source.caution}


def _tell_rows(reason: str, kept: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say which rows were left for a reason: each with its fault, or in one line where nothing is said of them."""
    name = reason.replace("_", " ")
    told = [one for one in kept if one["detail"]]
    yield from (f"{name}: {one['file']}, row {one['row']}: {one['detail']}" for one in told[:MAX_TOLD_DETAILS])
    files = dict.fromkeys(one["file"] for one in kept) if not told else ()
    for file in files:
        spans = runs(one["row"] for one in kept if one["file"] == file)
        rows = ", ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in spans)
        yield f"{name}: {file}, row {rows}{' ...' if len(kept) == MAX_DETAILS else ''}"


def _one_sided(report: Mapping[str, Any]) -> list[str]:
    largest, examples = report["largest_chat"], sum(report["examples"].values())
    if largest is None or report["chats"] < 2 or examples < MIN_FOR_SHARES or largest["share"] <= MAX_CONTACT_SHARE:
        return []
    told = f"{largest['examples']} of the examples ({largest['share']:.0%}) come from one chat, {largest['chat']!r}"
    return ["", f"{told}: the model will speak to everybody as to this one."]


def _tell_input(one: Mapping[str, str]) -> str:
    read = "" if one["encoding"] in ("", "utf-8", "utf-8-sig") else f"; read as {one['encoding']}"
    return f"{one['input']}: {one['title']} ({one['format']}), because {one['because']}{read}"


def _account(account: Account) -> dict[str, Any]:
    return {"in": account.rows, "used": account.used, "left": dict(account.left.most_common())}


def _table(report: Mapping[str, Any]) -> list[str]:
    rows = report["rows"]
    words = {reason: f" ({told})" if told else "" for reason, told in report["reasons"].items()}
    left = [(count, f"left: {reason}{words[reason]}") for reason, count in rows["left"].items()]
    counts: Sequence[tuple[int, str]] = [(rows["in"], "rows in"), (rows["used"], "rows used in examples"), *left]
    width = max(len(str(count)) for count, _ in counts)
    return [f"{count:>{width}}  {text}" for count, text in counts]


def _contradictions(found: Mapping[str, Any]) -> list[str]:
    if not found["count"]:
        return []
    lines = ["", f"{counted(found['count'], 'question')} with contradicting answers; see whether each is meant:"]
    for one in found["first"]:
        answers = (f"{answer!r} ({line})" for answer, line in zip(one["answers"], one["lines"], strict=True))
        lines.append(f"  {one['question']!r} -> {' / '.join(answers)}")
    return lines
