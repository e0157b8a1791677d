"""Writes a conversion's files: each under a temporary name first, and never over a file that is there."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataprep.conversion.convert import Conversion
from dataprep.conversion.ledger import runs
from dataprep.conversion.loss_report import summarise, tell
from dataprep.conversion.windows import Example, lines_of


class OutputExists(Exception):
    """A file to be written is there already; the message names it."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files of one conversion, all named after the first."""

    training: Path

    @property
    def validation(self) -> Path:
        """Examples set aside; written only if there are any."""
        return self.training.with_suffix(".valid.jsonl")

    @property
    def report(self) -> Path:
        """The loss report as JSON."""
        return self.training.with_suffix(".report.json")

    @property
    def told(self) -> Path:
        """The loss report in words."""
        return self.training.with_suffix(".report.txt")

    @property
    def provenance(self) -> Path:
        """Which rows each example was made of."""
        return self.training.with_suffix(".provenance.jsonl")

    def present(self) -> list[Path]:
        """Those of the files that are there."""
        every = (self.training, self.validation, self.provenance, self.report, self.told)
        return [path for path in every if path.exists() or path.is_symlink()]

    def refuse_existing(self) -> None:
        """Raise OutputExists if any of the files is there."""
        for path in self.present():
            raise OutputExists(f"{path} exists already. Choose another output, or remove it first.")


def write(conversion: Conversion, training: Path) -> Outputs:
    """Write everything; raises OutputExists before anything is written, OSError if the disk will not take it."""
    outputs = Outputs(training)
    outputs.refuse_existing()
    report = summarise(conversion)
    contents: dict[Path, Iterable[str]] = {
        outputs.provenance: _provenance(conversion, outputs),
        outputs.report: [json.dumps(report, ensure_ascii=False, indent=1), "\n"],
        outputs.told: [tell(report)],
    }
    if conversion.validation:
        contents[outputs.validation] = lines_of(conversion.validation)
    # The examples come last: when they are there, everything is.
    contents[outputs.training] = lines_of(conversion.training)
    _write_all(contents)
    return outputs


def origin(example: Example) -> list[dict[str, Any]]:
    """Return the rows an example was made of: `[{"file", "rows": [[first, last], ...]}]`."""
    rows: dict[str, list[int]] = {}
    for place in example.places:
        rows.setdefault(place.file, []).extend(range(place.row, place.row + max(1, example.rows)))
    return [{"file": file, "rows": list(runs(numbers))} for file, numbers in rows.items()]


def _provenance(conversion: Conversion, outputs: Outputs) -> Iterator[str]:
    for path, examples in ((outputs.training, conversion.training), (outputs.validation, conversion.validation)):
        for line, example in enumerate(examples, 1):
            record = {"file": path.name, "line": line, "chat": example.chat, "from": origin(example)}
            yield json.dumps(record, ensure_ascii=False) + "\n"


def _write_all(contents: Mapping[Path, Iterable[str]]) -> None:
    temporary = {path: path.with_name(f".{path.name}.part") for path in contents}
    try:
        for path, texts in contents.items():
            with temporary[path].open("w", encoding="utf-8", errors="replace", newline="\n") as file:
                file.writelines(texts)
        for path in contents:
            temporary[path].replace(path)
    finally:
        for part in temporary.values():
            part.unlink(missing_ok=True)
