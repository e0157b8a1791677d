"""`python -m engine tokens FILE`: a file's tokens for people without the service."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINE = '{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "%s"}]}\n'


def tokens(base: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine", "tokens", *arguments],
        cwd=ROOT,
        env={**os.environ, "BASE_MODEL": str(base), "CONTEXT_TOKENS": "64"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_prints_what_training_on_the_file_counts(tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(LINE % "Yes." + LINE % ("z" * 80))
    done = tokens(tiny_gguf, str(tmp_path / "a.jsonl"), "--model", "ft:tiny:personal::12345678")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2 example(s) in the tokens of tiny",
        "134 tokens, of which 86 are learned",
        "105 tokens in the longest example",
        "1 example(s) longer than the context of 64 tokens (CONTEXT_TOKENS)",
    ]


def test_what_cannot_be_counted_is_one_line_with_the_reason(tiny_gguf: Path, tmp_path: Path) -> None:
    absent = tokens(tiny_gguf, str(tmp_path / "absent.jsonl"))
    assert (absent.returncode, len(absent.stderr.splitlines())) == (1, 1)
    unknown = tokens(tiny_gguf, "a.jsonl", "--model", "no-such-model")
    assert unknown.returncode == 2
    assert "'no-such-model' is no base model" in unknown.stderr
    (tmp_path / "b.jsonl").write_text("{}\n")
    broken = tokens(tiny_gguf, str(tmp_path / "b.jsonl"))
    assert (broken.returncode, broken.stderr) == (1, "engine: Line 1 has no list of messages.\n")
