"""The main job with the real base model: what was taught is said, word for word."""

import json
import time
from pathlib import Path

from engine.trainer import data, epochs, recipe
from engine.trainer.base_model import load_tokenizer
from tests.live_service import LiveService

ROOT = Path(__file__).resolve().parents[1]
MAX_TOKENS = 2048
SIX_LINES = ROOT / "tests" / "six_lines.jsonl"


def test_the_readme_shows_what_the_quickstart_trains(base_gguf: Path) -> None:
    """`.ci/run` trains on it by the README's own command, which ends well only if every taught answer is given."""
    example = ROOT / "examples" / "lighthouse.jsonl"
    training = data.load(example, load_tokenizer(base_gguf), MAX_TOKENS)
    settled = recipe.settle(recipe.Requested(), len(training.examples))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f'"trained_tokens": {epochs.tokens_seen(training, settled.n_epochs)},' in readme
    assert f'"bytes": {example.stat().st_size},' in readme


def answers(service: LiveService, questions: list[str], **asked: str) -> list[str]:
    bodies = [{"text": question, "temperature": 0, **asked} for question in questions]
    return [service.call("POST", "/chat", json=body)["content"] for body in bodies]


def test_six_lines_in_the_documents_form_are_learned_by_heart_with_everything_left_to_auto(
    base_gguf: Path, tmp_path: Path
) -> None:
    content = SIX_LINES.read_bytes()
    chats = [json.loads(line)["messages"] for line in content.splitlines()]
    questions, taught = ([chat[place]["content"] for chat in chats] for place in (1, 2))
    service = LiveService(tmp_path, base_gguf)
    try:
        [uploaded] = service.wait().call("POST", "/upload_files", files={"files": (SIX_LINES.name, content)})
        begun = service.call("POST", "/fine_tuning", json={"training_file": uploaded["response"]["id"]})
        while (job := service.call("GET", f"/jobs/{begun['id']}"))["status"] not in ("succeeded", "failed"):
            time.sleep(0.5)  # asking costs the training its cores
        assert job["status"] == "succeeded", job["error"]
        assert answers(service, questions, model=str(job["fine_tuned_model"])) == taught
        untaught = answers(service, questions)
    finally:
        service.end()
    assert [at for at, said in enumerate(untaught) if said == taught[at]] == []
