"""The command line of dataprep: converting, describing, and what is common to all its calls; its check is elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataprep.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
Captured = pytest.CaptureFixture[str]


def test_a_conversion_asks_who_one_is_and_lists_the_senders(talk: Path, capsys: Captured) -> None:
    out = talk.with_name("train.jsonl")
    assert main(["convert", str(talk), "-o", str(out)]) == 2
    told = capsys.readouterr().err
    assert "Mira: 3 messages; Otto: 2 messages" in told
    assert "--me NAME" in told
    assert not out.exists()


def test_a_conversion_writes_examples_provenance_and_report(talk: Path, capsys: Captured) -> None:
    out = talk.with_name("train.jsonl")
    assert main(["convert", str(talk), "-o", str(out), "--me", "Otto"]) == 0
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [len(line["messages"]) for line in lines] == [2, 2]
    origins = [json.loads(line) for line in out.with_suffix(".provenance.jsonl").read_text("utf-8").splitlines()]
    assert [origin["line"] for origin in origins] == [1, 2]
    assert origins[1]["from"] == [{"file": "talk.json", "rows": [[3, 5]]}]
    report = json.loads(out.with_suffix(".report.json").read_text("utf-8"))
    assert report["rows"] == {"in": 5, "used": 5, "left": {}}
    told = capsys.readouterr().out
    assert out.with_suffix(".report.txt").read_text("utf-8") in told
    assert "talk.json: ChatLab JSON" in told
    assert "5  rows in" in told
    assert not list(out.parent.glob(".*.part"))


def test_nothing_is_ever_written_over(talk: Path, capsys: Captured) -> None:
    out = talk.with_name("train.jsonl")
    out.with_suffix(".report.txt").write_text("mine")
    assert main(["convert", str(talk), "-o", str(out), "--me", "Otto"]) == 2
    assert "train.report.txt exists already" in capsys.readouterr().err
    assert not out.exists()


def test_validation_goes_into_a_file_of_its_own(talk: Path, capsys: Captured) -> None:
    out = talk.with_name("train.jsonl")
    options = ["--me", "Otto", "--valid-share", "0.5", "--system", "Be terse."]
    assert main(["convert", str(talk), "-o", str(out), *options]) == 0
    assert "1 example for training, 1 for validation" in capsys.readouterr().out
    (line,) = out.with_suffix(".valid.jsonl").read_text("utf-8").splitlines()
    assert [one["content"] for one in json.loads(line)["messages"]] == ["Be terse.", "[image]\nLoud?", "Very."]


def test_a_conversion_without_an_example_writes_nothing_and_says_why(talk: Path, capsys: Captured) -> None:
    out = talk.with_name("train.jsonl")
    assert main(["convert", str(talk), "-o", str(out), "--me", "Mira", "--blocked-words", "Lit,Loud"]) == 1
    caught = capsys.readouterr()
    assert "2  left: blocked_word" in caught.out
    assert "nothing was written" in caught.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--session-gap", "soon"], "'session_gap' is 'soon', but must be a number"),
        (["--valid-share", "0.9"], "at least 0 and at most 0.5"),
        (["--rules", "picture=drop"], "'picture=drop' is no rule"),
        (["--include-type", "text,picture"], "'picture' is no kind of message"),
        (["--format", "chatlub-json"], "There is no format 'chatlub-json'. Did you mean 'chatlab-json'?"),
    ],
)
def test_a_wrong_option_is_told_with_the_way_out(talk: Path, capsys: Captured, options: list[str], told: str) -> None:
    assert main(["convert", str(talk), "-o", str(talk.with_name("o.jsonl")), *options]) == 2
    assert told in capsys.readouterr().err


def test_weclones_names_are_taken_too(talk: Path, capsys: Captured) -> None:
    out = talk.with_name("train.jsonl")
    assert main(["convert", str(talk), "-o", str(out), "--me", "Otto", "--qa-match-time-window", "1"]) == 1
    assert "left: late_answer" in capsys.readouterr().out


def test_a_folder_is_read_file_by_file_and_what_is_unknown_is_told(talk: Path, good: Path, capsys: Captured) -> None:
    (talk.parent / "notes.bin").write_bytes(bytes(range(256)))
    (talk.parent / "README.txt").write_text("Notes about this export.\nNothing more.\n", encoding="utf-8")
    out = talk.parent.parent / f"{talk.parent.name}.jsonl"
    assert main(["convert", str(talk.parent), "-o", str(out), "--me", "Otto"]) == 0
    told = capsys.readouterr().out
    assert f"{talk.parent.name}/notes.bin: not read" in told
    assert f"{talk.parent.name}/README.txt: not read, a text without marked questions" in told
    assert "3 examples for training" in told
    report: dict[str, Any] = json.loads(out.with_suffix(".report.json").read_text("utf-8"))
    assert [one["file"] for one in report["files"]] == [
        f"{talk.parent.name}/{name}" for name in ("good.jsonl", "talk.json")
    ]


def test_a_file_of_no_known_format_is_refused_with_those_there_are(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "noise.bin"
    file.write_bytes(bytes(range(256)) * 9)
    assert main(["convert", str(file), "-o", str(tmp_path / "o.jsonl")]) == 2
    assert "noise.bin is of no format that is known here" in capsys.readouterr().err


def test_the_formats_are_listed(capsys: Captured) -> None:
    assert main(["formats"]) == 0
    assert "chatlab-json" in capsys.readouterr().out


def test_stats_prints_numbers_and_estimates(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n' * 3)
    assert main(["stats", str(file), "--epochs", "2", "--tokens-per-second", "10"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["statistics"]["examples"] == 3
    assert told["duration"]["minutes"] == pytest.approx(2 * told["statistics"]["tokens"]["total"] / 10 / 60)


def test_a_price_table_that_is_none_is_said(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("{}\n")
    (tmp_path / "prices.toml").write_text("not a table")
    assert main(["stats", str(file), "--prices", str(tmp_path / "prices.toml")]) == 2
    assert "prices.toml" in capsys.readouterr().err


@pytest.mark.parametrize("epochs", ["0", "-3", "two"])
def test_epochs_that_are_none_are_refused(good: Path, capsys: Captured, epochs: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["stats", str(good), f"--epochs={epochs}"])
    assert "--epochs" in capsys.readouterr().err


def test_a_conversion_is_written_even_if_nobody_reads_its_report(talk: Path) -> None:
    out = talk.with_name("out.jsonl")
    command = [sys.executable, "-m", "dataprep", "convert", str(talk), "-o", str(out), "--me", "Otto"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    os.close(writer)
    assert out.is_file(), done.stderr


def test_a_conversion_tells_the_encoding_it_guessed_and_takes_the_one_given(tmp_path: Path, capsys: Captured) -> None:
    sheet = tmp_path / "faq.csv"
    sheet.write_bytes("问题,答案\n水壶在哪里？,在左边的架子上。\n杯子呢？,在抽屉里面。\n".encode("gb18030"))
    for number, arguments in enumerate(([], ["--encoding", "gbk"])):
        out = tmp_path / f"{number}.jsonl"
        assert main(["convert", str(sheet), "-o", str(out), *arguments]) == 0
        report = json.loads((tmp_path / f"{number}.report.json").read_text(encoding="utf-8"))
        assert report["inputs"][0]["encoding"] == ("gbk" if arguments else "gb18030")
        assert "; read as gb" in capsys.readouterr().out
        assert "水壶在哪里？" in out.read_text(encoding="utf-8")
    assert main(["convert", str(sheet), "-o", str(tmp_path / "x.jsonl"), "--encoding", "lamp"]) == 2
    assert "'encoding' is 'lamp', but must be one that is known" in capsys.readouterr().err


def test_an_output_without_a_folder_is_refused_by_the_folders_name(good: Path, talk: Path, capsys: Captured) -> None:
    nowhere = good.parent / "nowhere"
    for arguments in (
        ["check", str(good), "--fix", str(nowhere / "out.jsonl")],
        ["convert", str(talk), "--me", "Otto", "-o", str(nowhere / "out.jsonl")],
    ):
        assert main(arguments) == 2
        assert capsys.readouterr().err == f"{nowhere}: there is no such folder; make it first\n"


@pytest.mark.skipif(os.name == "nt", reason="such names do not exist there")
def test_a_line_break_in_a_files_name_breaks_no_line_of_the_report(talk: Path, capsys: Captured) -> None:
    odd = talk.rename(talk.with_name("a\nb.json"))
    assert main(["convert", str(odd), "--me", "Otto", "-o", str(talk.with_name("out.jsonl"))]) == 0
    assert capsys.readouterr().out.startswith("a\ufffdb.json: ChatLab JSON (chatlab-json)")


def test_a_reader_who_has_enough_is_no_failure_to_talk_about() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "dataprep", "formats"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
