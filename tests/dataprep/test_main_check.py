"""The command line's check and its fix."""

import json
from pathlib import Path

import pytest

from dataprep.__main__ import main
from tests.dataprep.lines import assistant, chat, user

Captured = pytest.CaptureFixture[str]


def test_a_good_file_exits_with_0_and_is_summed_up(good: Path, capsys: Captured) -> None:
    assert main(["check", str(good)]) == 0
    assert "1 chat example, 0 errors" in capsys.readouterr().out


def test_a_bad_file_exits_with_1_and_shows_its_findings(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(chat(user(), {"role": "bot"}) + "\n", encoding="utf-8")
    assert main(["check", str(file)]) == 1
    assert "error: Line 1: role 'bot' is not known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        (["--profile", "mistral"], None),
        (["--profile", "mistral", "--max-tokens", "16"], 16),
        (["--model", "gpt-3.5-turbo-0125"], 16_385),
        (["--model", "gpt-3.5-turbo-0125", "--max-tokens", "20"], 20),
    ],
)
def test_how_long_an_example_may_be_follows_from_the_model_or_a_number(
    options: list[str], limit: int | None, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "long.jsonl"
    file.write_text(chat(user(), assistant("wind " * 17_000)) + "\n", encoding="utf-8")
    assert main(["check", str(file), *options]) == 0
    out = capsys.readouterr().out
    assert ("[too_long]" in out) == (limit is not None)
    assert limit is None or f"trains on {limit} at most" in out


def test_a_model_of_no_known_limit_is_told(good: Path, capsys: Captured) -> None:
    assert main(["check", str(good), "--model", "none-such"]) == 0
    assert "No limit of 'none-such' is known" in capsys.readouterr().err


def test_a_missing_file_exits_with_2(tmp_path: Path, capsys: Captured) -> None:
    assert main(["check", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err


def test_a_profile_brings_its_own_rules(good: Path, capsys: Captured) -> None:
    assert main(["check", str(good), "--profile", "openai"]) == 1
    assert "10" in capsys.readouterr().out


def test_a_check_can_be_read_by_programs(good: Path, capsys: Captured) -> None:
    assert main(["check", str(good), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["examples"], told["errors"]) == (True, 1, 0)


def test_a_validation_file_is_held_against_its_training_file(good: Path, capsys: Captured) -> None:
    training = good.with_name("training.jsonl")
    training.write_text(chat(user("Lit?"), assistant("Yes.")) + "\n" + good.read_text("utf-8"), encoding="utf-8")
    assert main(["check", str(good), "--against", str(training)]) == 1
    told = capsys.readouterr().out
    assert "error: Line 1: the example stands in the training file too, on line 2. Keep one of them. [leak]" in told
    assert "1 error" in told
    assert main(["check", str(good), "--against", str(training), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["errors"]) == (False, 1)
    assert [(one["line"], one["code"]) for one in report["findings"] if one["severity"] == "error"] == [(1, "leak")]


def test_what_only_looks_like_a_leak_is_no_failure(good: Path, capsys: Captured) -> None:
    training = good.with_name("training.jsonl")
    training.write_text(chat(user("HI"), assistant()) + "\n", encoding="utf-8")
    assert main(["check", str(good), "--against", str(training)]) == 0
    assert "warning: Line 1: the example says the same as line 1 of the training file" in capsys.readouterr().out
    training.write_text(chat(user("Lit?"), assistant("Yes.")) + "\n", encoding="utf-8")
    assert main(["check", str(good), "--against", str(training)]) == 0
    assert "leak" not in capsys.readouterr().out


def test_the_mended_copy_is_held_against_the_training_file(good: Path, capsys: Captured) -> None:
    training, mended = good.with_name("training.jsonl"), good.with_name("mended.jsonl")
    check = ["check", str(good), "--fix", str(mended), "--against", str(training)]
    assert main(check) == 2
    assert "training.jsonl" in capsys.readouterr().err
    assert not mended.exists()
    training.write_bytes(good.read_bytes())
    good.write_bytes(b"\xef\xbb\xbf" + good.read_bytes())
    assert main(check) == 1
    assert f"{mended}: 1 chat example, 1 error" in capsys.readouterr().out


def test_a_fix_writes_a_new_file_and_tells_each_change(good: Path, capsys: Captured) -> None:
    good.write_bytes(b"\xef\xbb\xbf" + good.read_bytes())
    mended = good.with_name("mended.jsonl")
    assert main(["check", str(good)]) == 1
    assert main(["check", str(good), "--fix", str(mended)]) == 0
    assert "fixed: Line 1: the byte order mark removed" in capsys.readouterr().out
    assert mended.read_bytes().startswith(b"{")
    assert main(["check", str(good), "--fix", str(mended)]) == 2
    assert "mended.jsonl exists" in capsys.readouterr().err


def test_masking_needs_a_file_to_write(good: Path, capsys: Captured) -> None:
    assert main(["check", str(good), "--mask"]) == 2
    assert "--fix OUT" in capsys.readouterr().err


SPOKEN = chat(user("灯塔今天几点开门？守灯人在不在？"), assistant("八点开门，他一直都在。"))


def test_an_encoding_that_would_fit_any_file_is_named_but_not_taken(tmp_path: Path, capsys: Captured) -> None:
    file, out = tmp_path / "talk.jsonl", tmp_path / "out.jsonl"
    file.write_bytes(
        (chat(user("Où est la clé du château ?"), assistant("Là, près de l’entrée.")) + "\n").encode("cp1252")
    )
    assert main(["check", str(file), "--fix", str(out)]) == 1
    told = capsys.readouterr().out
    assert "--fix OUT --encoding windows-1252" in told or "--fix OUT --encoding cp1252" in told


def test_a_file_in_another_encoding_is_named_and_mended_in_the_one_given(tmp_path: Path, capsys: Captured) -> None:
    file, out = tmp_path / "talk.jsonl", tmp_path / "out.jsonl"
    file.write_bytes(SPOKEN.encode("gb18030"))
    assert main(["check", str(file)]) == 1
    assert "The file seems to be in gb18030: --fix OUT" in capsys.readouterr().out
    assert main(["check", str(file), "--fix", str(out), "--encoding", "gb18030"]) == 0
    assert out.read_text(encoding="utf-8") == SPOKEN + "\n"


@pytest.mark.parametrize("arguments", [["--encoding", "big5"], ["--encoding", "lamp", "--fix", "out.jsonl"]])
def test_an_encoding_unknown_or_of_no_use_is_refused(arguments: list[str], good: Path, capsys: Captured) -> None:
    assert main(["check", str(good), *arguments]) == 2
    assert "--encoding" in capsys.readouterr().err
