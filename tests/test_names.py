"""Names that climb out of a folder touch nothing there; the short form of `python -m bench.names`."""

from pathlib import Path

from bench import names


def test_no_name_reaches_outside_of_the_data_folder() -> None:
    calls, wrong = names.run(count=2, seed=9527)
    assert (calls > 70, wrong) == (True, [])


def test_there_are_a_hundred_of_them_at_least() -> None:
    assert len({*names.names(Path("/canary"))}) >= 100


def test_the_watch_hears_of_what_is_touched(tmp_path: Path) -> None:
    """So that the test above could fail."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    watch = names.Watch(inside)
    watch.on = True
    inside.mkdir()
    outside.mkdir()
    (outside / "a").write_text("x")
    list(outside.iterdir())
    (outside / "a").unlink()
    watch.on = False
    assert {word.split()[0] for word in watch.outside} == {"os.mkdir", "open", "os.listdir", "os.remove"}
    assert not any(f"{inside}/" in word for word in watch.outside)
