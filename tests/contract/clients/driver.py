"""Runs in a client's own environment: the cases of one script, in their order, and how each ended. Judges nothing.

`python driver.py SCRIPT RESULT CASE...`; needs the standard library alone, for nothing of ours is installed there.
"""

import json
import runpy
import sys
import time
import traceback
from pathlib import Path


def main(script: str, result: Path, cases: list[str]) -> None:
    """Call the script's functions of these names, and write `result` anew after each."""
    functions = runpy.run_path(script)
    outcomes = []
    for case in cases:
        began, fault = time.monotonic(), None
        try:
            functions[case]()
        except Exception:  # the edge: whoever reads the result is told
            fault = traceback.format_exc()
        outcomes.append({"case": case, "fault": fault, "seconds": round(time.monotonic() - began, 1)})
        result.write_text(json.dumps(outcomes), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
