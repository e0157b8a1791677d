"""Has the engine judge its settings in a process of its own: what it needs for that, the service never imports."""

import subprocess
import sys

from config.environment import PROJECT_ROOT

# The engine's exit code for a setting that is wrong.
_WRONG_SETTING = 2


class EngineCheck:
    """A look at the settings that has begun."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "engine", "check"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=quiet, stderr=subprocess.PIPE, text=True)

    def finding(self) -> str:
        """Wait, and return what the engine finds wrong, in its own words; empty if nothing is."""
        _, said = self._process.communicate()
        return said.strip().removeprefix("engine: ") if self._process.returncode == _WRONG_SETTING else ""
