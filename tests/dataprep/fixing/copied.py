"""A fix of some text, for the tests of fixing."""

from pathlib import Path
from typing import Any

from dataprep.fixing.fix import FixReport, fix
from tests.dataprep.lines import assistant, chat, user

GOOD = [chat(user(f"问题{number}"), assistant(f"回答{number}")) for number in range(12)]


def run(tmp_path: Path, data: bytes | str, **options: Any) -> tuple[FixReport, list[str]]:
    """Fix this content; returns the report and the new file's lines."""
    source, target = tmp_path / "source.jsonl", tmp_path / "target.jsonl"
    target.unlink(missing_ok=True)
    source.write_bytes(data.encode() if isinstance(data, str) else data)
    report = fix(source, target, **options)
    assert report.adds_up
    raw = target.read_bytes()
    assert raw.count(b"\n") == report.written
    return report, raw.decode("utf-8", "surrogateescape").split("\n")[:-1]
