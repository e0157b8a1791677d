"""Checks and converts training data that callers send; what a form looks like is not known here, nor any format."""

import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import to_builtins

import dataprep
from dataprep.checks.profiles import TARGETS
from dataprep.conversion.options import WrongOption, read_options
from dataprep.conversion.speakers import NeedsMe
from dataprep.estimate import example_limit, load_prices
from dataprep.methods import method_of
from services.files import Files, Incoming
from wire.errors import ApiError, BadRequest

# The readers of all formats take a tenth of a second to import, which `/status` must not wait for.
if TYPE_CHECKING:
    from dataprep.conversion.convert import Conversion
    from dataprep.conversion.windows import Example
    from dataprep.fixing.fix import FixReport

CONTENT_TYPE = "application/jsonl"
# Larger results are uploaded or downloaded: JSON within JSON takes twice their size in memory.
MAX_INLINE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Dataset:
    """What a conversion made: its report, also in words, and the examples; `validation` is None if there is none."""

    report: dict[str, Any]
    text: str
    training: Incoming
    validation: Incoming | None
    provenance: list[dict[str, Any]]

    def entry(self) -> dict[str, Any]:
        """Return the reply that carries the examples as text."""
        return self._told() | {
            "training": _shown(self.training),
            "validation": _shown(self.validation) if self.validation else None,
            "provenance": self.provenance if self.training.size <= MAX_INLINE_BYTES else None,
        }

    def uploaded(self, files: Files) -> dict[str, Any]:
        """Send the examples upstream, both parts or none, and return the reply with the ids; raises its failure."""
        training = _upload(self.training, files)
        try:
            validation = _upload(self.validation, files) if self.validation else None
        except ApiError as failure:
            _take_back(training["file"]["id"], files, failure)
            raise
        return self._told() | {"training": training, "validation": validation}

    def _told(self) -> dict[str, Any]:
        return {"report": self.report, "text": self.text}


@dataclass(frozen=True)
class Mended:
    """A mended copy of one file, and the report on it."""

    file: Incoming
    report: "FixReport"

    @property
    def method(self) -> str | None:
        """The method of training that the copy is for."""
        self.file.stream.seek(0)
        return method_of(self.file.stream)

    def entry(self) -> dict[str, Any]:
        """Return the reply; `status` is whether the copy passes the check, `content` its text if it is not large."""
        status = "passed" if self.report.left.ok else "failed"
        return {**_shown(self.file), "status": status, "response": to_builtins(self.report)}


class Datasets:
    """Training data before they are the upstream's; `profile` is whose rules count if the caller names none.

    `context_tokens` is how long an example the engine trains on, where that is known. Its warning `too_long` counts by
    o200k_base, as every profile's does: a file is checked line by line, without a tokenizer of the model's.
    """

    def __init__(self, files: Files, profile: str, context_tokens: int | None = None) -> None:
        self._files = files
        self._profile = profile
        self._context_tokens = context_tokens

    def warm(self) -> None:
        """Import the checks, which the first file would wait for."""
        import_module("dataprep.checks.checker")

    def sending_to(self, files: Files) -> Self:
        """Return the same, whose uploads go another way."""
        return type(self)(files, self._profile, self._context_tokens)

    def check(
        self,
        file: Incoming,
        profile: str = "",
        *,
        model: str = "",
        upload: bool = False,
        thorough: bool = False,
        against: Incoming | None = None,
    ) -> dict[str, Any]:
        """Return what is wrong with one file: `status` is passed or failed; with `upload`, a passed one is sent on.

        With `against`, the file is for validation, and what it shares with that training file is wrong too;
        `thorough` reads the wording of every example in large files too. How long an example may be is the engine's
        context, else the limit of `model` if it is known, else the profile's: `max_tokens` in the reply.
        """
        name = self._known(profile)
        limit = (self._context_tokens if name == "engine" else None) or _limit_of(model)
        minimum = TARGETS[name].minimum
        report = dataprep.check(file.stream, profile=name, minimum=minimum, max_tokens=limit, thorough=thorough)
        file.stream.seek(0)
        if against is not None:
            against.stream.seek(0)
            dataprep.add_leaks(report, against.stream, file.stream)
            file.stream.seek(0)
        entry = {
            "content_type": file.content_type,
            "filename": file.label,
            "size": file.size,
            "status": "passed" if report.ok else "failed",
            "response": {"profile": name, "max_tokens": limit or TARGETS[name].max_tokens, **asdict(report)},
        }
        return entry | {"file": _upload(file, self._files)["file"]} if upload and report.ok else entry

    def fix(
        self, files: Sequence[Incoming], profile: str = "", encoding: str = "", *, mask: bool = False
    ) -> list["Mended"]:
        """Return a mended copy of each file, what was changed, and what is left to a person; 400 if one is no text."""
        name = self._known(profile)
        with _on_disk(files) as paths:
            return [_mend(path, label, name, encoding or None, mask) for path, label in paths]

    def upload_mended(self, mended: Sequence["Mended"]) -> list[dict[str, Any]]:
        """Send on the copies that pass the check now, and return each one's reply."""
        return [
            one.entry() | ({"file": _upload(one.file, self._files)["file"]} if one.report.left.ok else {})
            for one in mended
        ]

    def convert(self, files: Sequence[Incoming], options: Mapping[str, Sequence[str]]) -> Dataset:
        """Return the training data made of these files; 400 says what is missing, wrong, or why nothing came out."""
        with _on_disk(files) as paths:
            conversion = _convert(paths, options)
        return _dataset(conversion, Path(files[0].label).stem, self._profile)

    def upload(self, dataset: Dataset) -> dict[str, Any]:
        """Send a converted dataset upstream and return the reply with the file objects; 400 if the check refuses it."""
        from dataprep.conversion.verdict import refusals

        if codes := refusals(dataset.report):
            profile = dataset.report["check"]["profile"]
            message = f"The examples do not pass the check for {profile} ({', '.join(codes)}), so nothing was sent on."
            if codes == ["too_few_examples"]:
                message += f" Give more to convert: it asks for {TARGETS[profile].minimum} at least."
            else:
                message += " Convert without 'upload', and see what /datasets/fix makes of them."
            raise BadRequest(message, code="failed_check", param="files", details={"report": dataset.report})
        return dataset.uploaded(self._files)

    def _known(self, profile: str) -> str:
        name = profile or self._profile
        if name not in TARGETS:
            message = f"Invalid value for 'profile': '{name[:80]}'. It must be one of {', '.join(TARGETS)}."
            raise BadRequest(message, code="invalid_value", param="profile")
        return name


def _limit_of(model: str) -> int | None:
    return example_limit(model, load_prices()) if model else None


def _dataset(conversion: "Conversion", stem: str, profile: str) -> Dataset:
    from dataprep.conversion.loss_report import summarise, tell
    from dataprep.conversion.output import origin

    report = summarise(conversion, profile)
    if not conversion.training:
        message = "No example came out of these files; 'report' says what became of every row."
        raise BadRequest(message, code="no_examples", param="files", details={"report": report})
    training = _file(f"{stem}.jsonl", conversion.training)
    validation = _file(f"{stem}.valid.jsonl", conversion.validation) if conversion.validation else None
    parts = ((training, conversion.training), (validation, conversion.validation))
    provenance = [
        {"file": part.label, "line": line, "chat": example.chat, "from": origin(example)}
        for part, examples in parts
        if part
        for line, example in enumerate(examples, 1)
    ]
    return Dataset(report, tell(report), training, validation, provenance)


def _mend(path: Path, label: str, profile: str, encoding: str | None, mask: bool) -> Mended:
    from dataprep.fixing.fix import Unfixable, fix

    target = path.with_name(f"{path.stem}.mended.jsonl")
    try:
        report = fix(path, target, mask=mask, encoding=encoding, profile=profile, minimum=TARGETS[profile].minimum)
    except Unfixable as unfixable:
        raise BadRequest(f"{label}: {unfixable}", code="unfixable", param="files") from None
    except LookupError:
        message = f"Invalid value for 'encoding': '{(encoding or '')[:80]}'. Give a name such as gb18030 or utf-16."
        raise BadRequest(message, code="invalid_value", param="encoding") from None
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - it outlives the folder, and is gone when the reply is
    with target.open("rb") as mended:
        shutil.copyfileobj(mended, copy)
    size = copy.tell()
    copy.seek(0)
    return Mended(Incoming(f"{Path(label).stem}.jsonl", CONTENT_TYPE, size, copy), report)


def is_training_file(file: Incoming) -> bool:
    """Whether a file is to be checked as it is: an export is to be converted first, also one that is called .jsonl."""
    from dataprep.checks.second_look import is_export

    file.stream.seek(0)
    found = file.label.endswith(".jsonl") and not is_export(file.stream)
    file.stream.seek(0)
    return found


def _convert(paths: Sequence[tuple[Path, str]], options: Mapping[str, Sequence[str]]) -> "Conversion":
    from dataprep.conversion.convert import convert
    from dataprep.sources.source import UnreadableSource

    try:
        return convert(paths, read_options(options))
    except NeedsMe as unknown:
        details = {"senders": [asdict(sender) for sender in unknown.senders]}
        raise BadRequest(str(unknown), code="me_needed", param="me", details=details) from None
    except WrongOption as wrong:
        raise BadRequest(str(wrong), code="invalid_value", param=wrong.name) from None
    except UnreadableSource as unreadable:
        raise BadRequest(str(unreadable), code="unreadable_source", param="files") from None


@contextmanager
def _on_disk(files: Sequence[Incoming]) -> Iterator[list[tuple[Path, str]]]:
    """Lend the files' paths with their labels; two of the same name get numbers."""
    with tempfile.TemporaryDirectory(prefix="tune9527-") as folder:
        paths, labels = list[tuple[Path, str]](), set[str]()
        for number, file in enumerate(files):
            ending = Path(file.label).suffix
            path = Path(folder) / f"{number}{ending if ending.isascii() and len(ending) < 10 else ''}"
            with path.open("wb") as copy:
                shutil.copyfileobj(file.stream, copy)
            label = file.label if file.label not in labels else f"{number + 1} {file.label}"
            labels.add(label)
            paths.append((path, label))
        yield paths


def _file(label: str, examples: Sequence["Example"]) -> Incoming:
    from dataprep.conversion.windows import lines_of

    stream = io.BytesIO()
    for line in lines_of(examples):
        stream.write(line.encode("utf-8", "replace"))
    size = stream.tell()
    stream.seek(0)
    return Incoming(label, CONTENT_TYPE, size, stream)


def _shown(file: Incoming) -> dict[str, Any]:
    """A file of examples with its content, unless it is too large for a JSON reply."""
    content = file.stream.read().decode("utf-8") if file.size <= MAX_INLINE_BYTES else None
    return {"filename": file.label, "size": file.size, "content": content}


def _upload(file: Incoming, files: Files) -> dict[str, Any]:
    """Send a checked file on."""
    outcome = files.upload(file, validate=False)
    if outcome.failure:
        raise outcome.failure
    return {"filename": file.label, "size": file.size, "file": outcome.response}


def _take_back(file_id: str, files: Files, failure: ApiError) -> None:
    """Delete the part that went up before the failure; if that fails too, the failure names it."""
    try:
        files.delete(file_id)
    except ApiError:
        failure.message += f" The training part stayed upstream as {file_id}."
