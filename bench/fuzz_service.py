"""Whether the service is what its `/openapi.json` says, by schemathesis: its four phases with all its checks.

`python -m bench.fuzz_service SCHEMATHESIS [--examples N] [--seed S]`: SCHEMATHESIS is the program, in an environment of
its own (`make fuzz`); N is for each call and phase. The service stands before a fake OpenAI and asks for a key. Exit
code 0: no unhandled 5xx, no status that is not described, no reply of another shape, nothing let in without a key.
"""

import argparse
import json
import random
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
# goes with another alone, an Idempotency-Key was used before.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 404, 422]
"""


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
            return subprocess.run(command, cwd=folder, check=False).returncode
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
