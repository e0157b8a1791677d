"""The short form of `make fuzz`: schemathesis finds nothing between the service and its own description."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.installs
def test_the_service_is_what_its_description_says(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    programs = tmp_path / ("Scripts" if sys.platform == "win32" else "bin")
    wanted = ["-r", str(ROOT / "requirements" / "fuzz.txt")]
    install = [
        str(programs / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
        "--no-compile",
        *wanted,
    ]
    subprocess.run(install, timeout=300, check=True)
    command = [sys.executable, "-m", "bench.fuzz_service", str(programs / "schemathesis"), "--examples", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b(\d{3,}) generated, \1 passed", done.stdout), done.stdout
    assert "Traceback" not in done.stdout + done.stderr
