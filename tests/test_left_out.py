"""What a run leaves out, it says at its end: nobody takes a run without PostgreSQL for one with it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WITHOUT = """
import sys
import pytest
import tests.fakes.postgres as postgres
postgres.binaries = lambda: None
sys.exit(pytest.main(["-q", "tests/test_left_out.py", "-k", "nothing", "-p", "no:cacheprovider"]))
"""


def test_a_run_without_postgresql_says_so_at_its_end() -> None:
    told = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "DATABASE_URL was NOT tested" in told.stdout
