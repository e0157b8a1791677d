"""instructor: its `files` and `jobs` commands as typed in a terminal, and structured answers of the tuned model."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import instructor
from openai import OpenAI
from pydantic import BaseModel

PROGRAM = str(Path(sys.executable).with_name("instructor"))
training_file = os.environ["TRAINING_FILE"]
made: dict[str, str] = {}


class Sea(BaseModel):
    """The state of the sea."""

    state: Literal["calm", "rough"]
    safe: bool


class _Terminal:
    """A command in a terminal of its own, whose text is read as it appears."""

    def __init__(self, *arguments: str) -> None:
        self._end, other = pty.openpty()
        wide = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
        # Whoever runs the tests in the background may have SIGINT ignored, which a terminal has not.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen([PROGRAM, *arguments], stdin=other, stdout=other, stderr=other, env=wide)
        os.close(other)
        self.text = ""

    def read_until(self, pattern: str, seconds: float = 200) -> re.Match[str]:
        """Return what matches in the text so far, once it is there."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text))):
            assert time.monotonic() < deadline, self.text[-2000:]
            assert select.select([self._end], [], [], seconds)[0], self.text[-2000:]
            try:
                self.text += os.read(self._end, 65536).decode(errors="replace")
            except OSError as gone:  # the command has ended
                raise AssertionError(self.text[-2000:]) from gone
        return found


@contextmanager
def _command(*arguments: str) -> Iterator[_Terminal]:
    """A command that may go on for ever, as `jobs` does; it ends by Ctrl-C."""
    terminal = _Terminal(*arguments)
    try:
        yield terminal
    finally:
        terminal.process.send_signal(signal.SIGINT)
        terminal.process.wait(20)


def uploads_by_command() -> None:
    """`instructor files upload`, until it says that the file was processed."""
    with _command("files", "upload", training_file, "--poll", "1") as terminal:
        made["file"] = terminal.read_until(r"File\s+(file-\w+)\s+uploaded\s+successfully")[1]


def follows_a_job_by_command() -> None:
    """`instructor jobs create-from-id`, which shows a table of jobs until this one has `succeeded`."""
    model = ("--model", os.environ["MODEL"])
    with _command("jobs", "create-from-id", made["file"], *model, "--n-epochs", "10", "--batch-size", "4") as terminal:
        job_id = terminal.read_until(r"created with ID:\s+(ftjob-\w+)")[1]
        row = terminal.read_until(rf"{job_id}[^\n]*succeeded[^\n]*?(ft:[\w.:-]+)")
        made["model"] = row[1]


def creates_a_job_from_a_file_and_cancels_it() -> None:
    """`instructor jobs create-from-file` with a validation file and a suffix, then `instructor jobs cancel`."""
    given = ("--model", os.environ["MODEL"], "--validation-file", training_file, "--model-suffix", "mine")
    with _command("jobs", "create-from-file", training_file, *given) as terminal:
        job_id = terminal.read_until(r"created with ID:\s+(ftjob-\w+)")[1]
    with _command("jobs", "cancel", job_id) as terminal:
        terminal.read_until(rf"Job\s+{job_id}\s+cancelled\s+successfully")
    assert OpenAI().fine_tuning.jobs.retrieve(job_id).status == "cancelled"


def lists_and_deletes_files_by_command() -> None:
    """`instructor files list` shows the file, `instructor files delete` deletes it."""
    with _command("files", "list") as terminal:
        terminal.read_until(made["file"])
    with _command("files", "delete", made["file"]) as terminal:
        terminal.read_until(r"deleted\s+successfully")


def answers_in_a_model_of_pydantic() -> None:
    """`instructor.from_openai` in the mode JSON_SCHEMA: the tuned model's answer as a Pydantic object."""
    client = instructor.from_openai(OpenAI(), mode=instructor.Mode.JSON_SCHEMA)
    asked = [{"role": "user", "content": os.environ["QUESTION"]}]
    sea = client.chat.completions.create(
        model=made["model"], response_model=Sea, messages=asked, temperature=0, max_retries=0
    )
    assert isinstance(sea, Sea)


def streams_a_model_of_pydantic() -> None:
    """`create_partial`: the same, filled as it streams in."""
    client = instructor.from_openai(OpenAI(), mode=instructor.Mode.JSON_SCHEMA)
    asked = [{"role": "user", "content": os.environ["QUESTION"]}]
    *_, last = client.chat.completions.create_partial(
        model=made["model"], response_model=Sea, messages=asked, temperature=0, max_retries=0
    )
    assert (last.state in ("calm", "rough"), isinstance(last.safe, bool)) == (True, True)
