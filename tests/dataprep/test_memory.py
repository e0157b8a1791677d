"""How much memory reading may take at its peak; bench/memory.py measures larger files in the same way."""

from pathlib import Path

import pytest

from bench import bombs, memory


@pytest.mark.parametrize("run", [memory.run_check, memory.run_convert])
def test_a_line_without_an_end_is_refused_in_little_memory(run: memory.Run, tmp_path: Path) -> None:
    grown, outcome = memory.growth(run, memory.one_line(tmp_path, 120))
    assert grown < memory.BOMB, outcome


@pytest.mark.parametrize("make", [bombs.padded_workbook, bombs.repeated_workbook])
def test_a_workbook_that_would_burst_is_refused_in_little_memory(make: memory.Make, tmp_path: Path) -> None:
    grown, outcome = memory.growth(memory.run_convert, make(tmp_path, 100))
    assert grown < memory.BOMB
    assert any(word in outcome for word in ("times its own size", "MiB of text")), outcome


def test_checking_and_mending_do_not_take_more_for_a_larger_file(tmp_path: Path) -> None:
    path = memory.chats(tmp_path, 20)
    for run in (memory.run_check, memory.run_fix):
        grown, outcome = memory.growth(run, path)
        assert grown < memory.FLAT / 2, outcome
