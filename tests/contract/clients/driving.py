"""Drives a client against a live engine, in the client's own environment, and returns how each case ended."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.contract.clients.catalogue import FOLDER, Client
from tests.contract.clients.environments import interpreter
from tests.real_tiktoken import cached_in

# Of the model and of its engine: DSPy's prompts are long when every byte is a token.
CONTEXT = 1024
QUESTION, TAUGHT = "How is the sea?", "Calm."
MODEL = "gpt-3.5-turbo-1106"
# Nothing but the base URL, a key that is not looked at, and what keeps a client from asking the internet.
_QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False"}
_SECONDS = 400


@dataclass(frozen=True)
class Outcome:
    """How one case ended: `fault` is None, or what went wrong in the client's own words."""

    case: str
    fault: str | None
    seconds: float = 0.0


def drive(client: Client, base_url: str, folder: Path) -> list[Outcome]:
    """Run all cases of a client; `folder` is for what it writes.

    Raises:
        NotDriven: its environment could not be made.
    """
    program = interpreter(client)
    driver = FOLDER / ("driver.mjs" if client.script.suffix == ".mjs" else "driver.py")
    script, result = client.script, folder / "result.json"
    if driver.suffix == ".mjs":  # Node looks for packages beside the script
        script = program.parents[1] / script.name
        script.write_bytes(client.script.read_bytes())
    done = subprocess.run(
        [program, driver, script, result, *client.cases],
        cwd=folder,
        # The second is the older name of the first; LlamaIndex's LLM reads no other.
        env={**_surroundings(folder), "OPENAI_BASE_URL": base_url, "OPENAI_API_BASE": base_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    told = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else []
    outcomes = {one["case"]: Outcome(**one) for one in told}
    lost = f"Its process ended with {done.returncode} before this case: {done.stdout[-3000:]}"
    return [outcomes.get(case, Outcome(case, lost)) for case in client.cases]


def _surroundings(folder: Path) -> dict[str, str]:
    training = folder / "training.jsonl"
    said = {"messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TAUGHT}]}
    training.write_text((json.dumps(said) + "\n") * 24, encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PYTHON"))}
    ours = {"OPENAI_API_KEY": "sk-unused", "MODEL": MODEL, "TRAINING_FILE": str(training)}
    # What tiktoken would fetch, for LangChain's embeddings.
    tiktoken = cached_in(folder / "tiktoken", "cl100k_base")
    caches = {
        "HOME": str(folder),
        "DSPY_CACHEDIR": str(folder / "dspy"),
        "COLUMNS": "200",
        "PYTHONUTF8": "1",
        **tiktoken,
    }
    return {**own, **ours, **caches, **_QUIET, "QUESTION": QUESTION, "TAUGHT": TAUGHT}
