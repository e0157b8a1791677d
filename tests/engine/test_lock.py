"""One process works in a folder; a dead one holds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine import lock

ROOT = Path(__file__).resolve().parents[2]
HOLDER = (
    "import sys; from pathlib import Path; from engine import lock; "
    "held = lock.hold(Path(sys.argv[1]), 0); print('held', flush=True); sys.stdin.read()"
)


def test_a_second_holder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(lock.Busy, match="in use by another process"):
        lock.hold(tmp_path, patience=0)
    holder.kill()
    with lock.hold(tmp_path, patience=5):
        holder.communicate()
