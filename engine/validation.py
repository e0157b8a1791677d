"""What is wrong with a job's files, in OpenAI's codes and with the number of the faulty line; it moves no job."""

from pathlib import Path
from typing import Literal, NamedTuple

import dataprep
from engine.jobs import method_of
from engine.store import Record


class Fault(NamedTuple):
    """Why a job cannot be trained, as its error says it."""

    code: str
    message: str
    param: str


def fault_in(job: Record, folder: Path, minimum: int) -> Fault | None:
    """Return what is wrong with the files in the job's folder, of which training needs `minimum` examples; or None."""
    splits: tuple[tuple[Literal["training", "validation"], int], ...] = (("training", minimum), ("validation", 1))
    for split, least in splits:
        param = f"{split}_file"
        if job[param] is None:
            continue
        with (folder / f"{param}.jsonl").open("rb") as stream:
            report = dataprep.check(stream)
        fault = dataprep.job_error(report, job[param], least, method_of(job), split)
        if fault is None and report.kind not in ("chat", "preference"):
            words = f"Input file {job[param]} holds {report.kind} lines, but this engine trains on chat messages."
            fault = "invalid_file_format", words
        if fault is not None:
            return Fault(*fault, param)
    return None
