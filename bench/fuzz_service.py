"""Whether the service is what its `/openapi.json` says, by schemathesis: its four phases with all its checks.

`python -m bench.fuzz_service SCHEMATHESIS [--examples N] [--seed S]`: SCHEMATHESIS is the program, in an environment of
its own (`make fuzz`); N is for each call and phase. The service stands before a fake OpenAI and asks for a key. Exit
code 0: no unhandled 5xx, no status that is not described, no reply of another shape, nothing let in without a key, and
every call tried, with as many cases as are promised: 20,000 of 1,400 examples.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from gate import KeyFile
from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.service import Service

# A call may be refused although it fits its schema: there is no such file, a form's file is no training data, a field
# goes with another alone, an Idempotency-Key was used before. What does not fit its schema may be too long, too, and is
# 413 then; the other statuses are those of schemathesis itself.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 404, 422]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
"""

# Cases, of so many examples.
PROMISED = (20_000, 1_400)


def strict(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a service that has a key, without what an unknown upstream might answer."""
    for operation in (operation for path in description["paths"].values() for operation in path.values()):
        named = {status: said for status, said in operation["responses"].items() if not status.endswith("XX")}
        operation |= {"responses": named, "security": [one for one in operation["security"] if one]}
    return description


def answered(url: str, token: str) -> str:
    """Return how often each call was answered how, as the service counted: refusals alone prove little."""
    asked = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return "\n".join(line for line in lines if line.startswith("tune9527_requests_total"))


def shortfall(told: str, examples: int, operations: int) -> list[str]:
    """Return what schemathesis, by what it `told`, did not try of so many operations with so many examples."""
    generated = re.search(r"^ +([\d,]+) generated", told, re.MULTILINE)
    tested = re.search(r"^ +Tested: ([\d,]+)$", told, re.MULTILINE)
    cases, seen = (int(found[1].replace(",", "")) if found else 0 for found in (generated, tested))
    promises = {
        f"{cases} cases of {PROMISED[0] * examples // PROMISED[1]}": cases * PROMISED[1] >= PROMISED[0] * examples,
        f"{seen} operations of {operations}": seen == operations,
    }
    return [short for short, kept in promises.items() if not kept]


def run(command: list[str], folder: str) -> tuple[int, str]:
    """Run a command, print what it tells, and return its exit code and that."""
    told = ""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8") as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            told += line
    return running.returncode, told


def main(schemathesis: Path, examples: int, seed: int) -> int:
    """Run it, and return its exit code."""
    upstream = FakeOpenAI()
    file = upstream.new_file("train.jsonl", 1)
    upstream.new_job({"model": "gpt-3.5-turbo-1106", "training_file": file["id"]})
    with tempfile.TemporaryDirectory() as folder:
        token, _ = KeyFile(Path(folder, "keys.sqlite3")).make("fuzz", frozenset({"admin"}))
        settings = {"DATA_DIR": folder, "OPENAI_BASE_URL": upstream.base_url, "RATE_LIMIT": "0"}
        service = Service(**settings).wait()
        try:
            with urllib.request.urlopen(f"{service.url}/openapi.json", timeout=10) as reply:
                described = strict(json.load(reply))
            Path(folder, "openapi.json").write_text(json.dumps(described), "utf-8")
            Path(folder, "schemathesis.toml").write_text(CONFIG, "utf-8")
            print(f"seed {seed}, {examples} examples", flush=True)
            command = [str(schemathesis), "run", "openapi.json", "--url", service.url, "--checks", "all"]
            command += ["--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"]
            command += ["--max-examples", str(examples), "--seed", str(seed), "--suppress-health-check", "all"]
            command += ["--header", f"Authorization: Bearer {token}"]
            code, told = run(command, folder)
            missing = shortfall(told, examples, sum(len(path) for path in described["paths"].values()))
            for short in missing:
                print(f"BROKEN: {short}")
            return code or bool(missing)
        finally:
            print(answered(service.url, token))
            print(service.end())
            upstream.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schemathesis", type=Path)
    parser.add_argument("--examples", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    asked = parser.parse_args()
    sys.exit(main(asked.schemathesis.absolute(), asked.examples, asked.seed))
