"""Gives the engine forty templates that escape, burn or swell: bars 1 s of processor time and 256 MB for each verdict.

Run `python -m bench.templates`. Each is refused by `engine.templates`, as it is before llama.cpp or anything else reads
the model. Told is the longest processor time and the most memory of a child, and the longest that another thread of
this process, as one that serves, was kept from running meanwhile. There is no baseline: the bars are absolute.
"""

import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import sandbox
from engine import templates
from engine.architectures import Unsupported
from tests.fakes.hostile_templates import PAYLOADS
from tests.tiny_models import write_tiny_gguf

SECONDS, MEGABYTES, PAUSE = 1.0, 256, 1.0
ALLOWANCE = 0.05  # a timer of processor time rings once a tick of the kernel, and a process takes some to end
_TICK = 0.01


class Bystander(threading.Thread):
    """Wants to run a hundred times a second; `longest` is how long it once had to wait, in seconds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self.go_on = True

    def run(self) -> None:
        """Wait until told to end."""
        while self.go_on:
            begun = time.monotonic()
            time.sleep(_TICK)
            self.longest = max(self.longest, time.monotonic() - begun - _TICK)


def processor_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Try all, and print the account; the exit code is 1 if a bar is not held."""
    sandbox.settle("off")  # bubblewrap does not pass on what its child has used
    bystander, most, passed = Bystander(), 0.0, list[str]()
    with tempfile.TemporaryDirectory() as place:
        mark = Path(place, "mark")
        files = [
            write_tiny_gguf(Path(place, f"{number}.gguf"), chat_template=payload.replace("MARK", str(mark)))
            for number, payload in enumerate(PAYLOADS)
        ]
        bystander.start()
        for file, payload in zip(files, PAYLOADS, strict=True):
            before = processor_seconds()
            try:
                templates.refuse_burning(file)
                passed.append(payload)
            except Unsupported:
                most = max(most, processor_seconds() - before)
        bystander.go_on = False
        ran = mark.exists()
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    print(f"{len(PAYLOADS)} templates: {len(passed)} passed, code {'ran' if ran else 'did not run'}")
    print(f"at most {most:.2f} s of processor time (bar {SECONDS:g}), {megabytes:.0f} MB (bar {MEGABYTES})")
    print(f"another thread waited {bystander.longest:.2f} s at most (bar {PAUSE:g})")
    held = most <= SECONDS + ALLOWANCE and megabytes <= MEGABYTES and bystander.longest <= PAUSE
    return 0 if held and not passed and not ran else 1


if __name__ == "__main__":
    sys.exit(main())
