"""The command line of dataprep."""

from pathlib import Path

import pytest

from dataprep.__main__ import main
from tests.dataprep.lines import assistant, chat, user


def test_a_good_file_exits_with_0_and_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "good.jsonl"
    file.write_text(chat(user(), assistant()) + "\n", encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert "1 chat example(s), 0 error(s), 0 warning(s)" in capsys.readouterr().out


def test_a_bad_file_exits_with_1_and_shows_its_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(chat(user(), {"role": "bot"}) + "\n", encoding="utf-8")
    assert main(["check", str(file)]) == 1
    assert "error: Line 1: role 'bot' is not one of" in capsys.readouterr().out


def test_a_missing_file_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
