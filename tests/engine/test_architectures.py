"""Small 8-bit LLaMA, Qwen 3 and Gemma 3 models, taught and asked by the engine's own path; others are refused."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from config import EngineConfig
from engine import architectures, catalogue
from engine.app import create_engine
from tests.tiny_models import write_gemma3, write_llama, write_qwen3
from tests.tiny_models.parts import Shape, begin, finish

TAUGHT = {"What do bees make?": "Honey, they do.", "灯塔在哪里？": "灯塔的灯亮了 🐝"}
KEEPER = {"role": "system", "content": "You keep the lamp."}
BASES = {"llama": write_llama, "qwen3": write_qwen3, "gemma3": write_gemma3}
SUPERVISED = {"n_epochs": 4, "batch_size": 2, "learning_rate_multiplier": 20.0}
DPO = {"n_epochs": 2, "batch_size": 2, "beta": 0.1}


def question(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


CHATS = [{"messages": [KEEPER, question(asked), answer(said)]} for asked, said in TAUGHT.items()] * 10
PAIRS = [
    {
        "input": {"messages": [question(asked)]},
        "preferred_output": [answer(said)],
        "non_preferred_output": [answer("The end.")],
    }
    for asked, said in TAUGHT.items()
] * 3


class Engine:
    """An engine in this process on one base model; its worker takes turns in a thread."""

    def __init__(self, folder: Path, base: Path) -> None:
        config = EngineConfig(
            data_dir=folder, base_model=str(base), context_tokens=128, parallel=1, serving_threads=1, training_threads=1
        )
        self.app = create_engine(config)
        transport = httpx2.WSGITransport(app=self.app)
        http = httpx2.Client(transport=transport)
        self.client = OpenAI(api_key="unused", base_url="http://localhost/v1", http_client=http, max_retries=0)
        self._stop = threading.Event()
        run = self.app.extensions["worker"].run
        self._worker = threading.Thread(target=run, args=(self._stop, time.time, 0.02))
        self._worker.start()

    def train(self, rows: list[dict[str, Any]], model: str, method: dict[str, Any]) -> Any:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        file = self.client.files.create(file=("rows.jsonl", lines), purpose="fine-tune")
        job = self.client.fine_tuning.jobs.create(model=model, training_file=file.id, seed=5, method=method)  # type: ignore[arg-type]
        deadline = time.monotonic() + 300
        while job.status not in ("succeeded", "failed") and time.monotonic() < deadline:
            time.sleep(0.05)
            job = self.client.fine_tuning.jobs.retrieve(job.id)
        return job

    def ask(self, model: str, messages: Any, **fields: Any) -> Any:
        return self.client.chat.completions.create(
            model=model, messages=messages, temperature=0, max_tokens=40, **fields
        )

    def end(self) -> None:
        self._stop.set()
        self._worker.join()
        self.app.extensions["engine"].pool.close()


@dataclass
class Tuned:
    """An engine after a supervised job and, on its model, one of preferences."""

    engine: Engine
    supervised: Any
    preferring: Any


def tune(engine: Engine, base: str) -> Tuned:
    supervised = engine.train(CHATS, base, {"type": "supervised", "supervised": {"hyperparameters": SUPERVISED}})
    further = supervised.fine_tuned_model or base
    return Tuned(engine, supervised, engine.train(PAIRS, further, {"type": "dpo", "dpo": {"hyperparameters": DPO}}))


@pytest.fixture(scope="module")
def all_tuned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tuned]]:
    """Each architecture's jobs beside the other's, for each is mostly one thread's work."""
    folder = tmp_path_factory.mktemp("architectures")
    engines = {name: Engine(folder / name, write(folder / f"{name}.gguf", "Q8_0")) for name, write in BASES.items()}
    try:
        with ThreadPoolExecutor() as side_by_side:
            yield dict(zip(BASES, side_by_side.map(tune, engines.values(), engines), strict=True))
    finally:
        for engine in engines.values():
            engine.end()


@pytest.fixture(params=BASES)
def tuned(request: pytest.FixtureRequest, all_tuned: dict[str, Tuned]) -> Tuned:
    return all_tuned[request.param]


def proof(engine: Engine, job: Any) -> str:
    """What the job's events say of train = serve."""
    told = [event.message for event in engine.client.fine_tuning.jobs.list_events(job.id, limit=100)]
    [words] = [message for message in told if message.startswith("The served model")]
    return words


@pytest.mark.parametrize("method", ["supervised", "preferring"])
def test_every_greedy_token_is_the_same_in_training_and_serving(tuned: Tuned, method: str) -> None:
    job = getattr(tuned, method)
    assert job.status == "succeeded", job.error
    words = proof(tuned.engine, job)
    assert words.startswith("The served model answers as trained: ")
    same, _, of, *_ = words.removeprefix("The served model answers as trained: ").split()
    assert int(same) == int(of) >= 2 * 5


def test_the_taught_answers_are_given_and_end_by_themselves(tuned: Tuned) -> None:
    model = tuned.supervised.fine_tuned_model
    for asked, said in TAUGHT.items():
        for opening in ([KEEPER], []):
            choice = tuned.engine.ask(model, [*opening, question(asked)]).choices[0]
            assert (choice.message.content, choice.finish_reason) == (said, "stop")


def test_a_job_that_has_ended_keeps_its_models_and_nothing_else_that_it_trained(tuned: Tuned) -> None:
    job = tuned.supervised
    folder = tuned.engine.app.extensions["engine"].jobs.folder(job.id)
    published = [one.step_number for one in tuned.engine.client.fine_tuning.jobs.checkpoints.list(job.id)]
    assert published == [40, 30, 20]
    assert sorted(one.name for one in folder.glob("checkpoints/*")) == ["step-20", "step-30"]
    assert (folder / "adapter" / "adapter.gguf").is_file()


def test_a_stream_says_the_same(tuned: Tuned) -> None:
    asked, said = next(iter(TAUGHT.items()))
    chunks = tuned.engine.ask(tuned.supervised.fine_tuned_model, [KEEPER, question(asked)], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == said


def test_log_probabilities_are_those_of_the_words_said(tuned: Tuned) -> None:
    asked, said = next(iter(TAUGHT.items()))
    choice = tuned.engine.ask(tuned.supervised.fine_tuned_model, [question(asked)], logprobs=True).choices[0]
    assert "".join(one.token for one in choice.logprobs.content) == said == choice.message.content


def test_a_preference_is_learned(tuned: Tuned) -> None:
    told = tuned.engine.client.fine_tuning.jobs.list_events(tuned.preferring.id, limit=100)
    rewards = [event.data["train_reward_margin"] for event in told if event.type == "metrics"]  # type: ignore[index]
    assert rewards[0] > rewards[-1] == pytest.approx(0, abs=1e-5), "the newest comes first"


@pytest.fixture
def phi(tmp_path: Path) -> Path:
    """A file of an architecture that llama.cpp may know, but that is not trained here."""
    writer = begin(tmp_path / "phi.gguf", "phi3", Shape())
    finish(writer, (), "F32")
    return tmp_path / "phi.gguf"


def test_an_unsupported_architecture_is_refused_by_name_wherever_it_is_used(phi: Path, tmp_path: Path) -> None:
    engine = Engine(tmp_path / "data", phi)
    try:
        file = engine.client.files.create(file=("rows.jsonl", json.dumps(CHATS[0]).encode()), purpose="fine-tune")
        for use in (
            lambda: engine.ask("phi", [question("Hello?")]),
            lambda: engine.client.fine_tuning.jobs.create(model="phi", training_file=file.id),
        ):
            with pytest.raises(openai.BadRequestError) as refused:
                use()
            assert refused.value.code == "unsupported_base_model"
            assert "architecture 'phi3'" in str(refused.value)
            assert all(name in str(refused.value) for name in architectures.SUPPORTED)
    finally:
        engine.end()


def test_an_unsupported_architecture_is_refused_when_it_is_pulled(phi: Path, tmp_path: Path) -> None:
    with pytest.raises(architectures.Unsupported, match=r"'phi3'.* llama .*qwen2 .*qwen3 .*gemma3 "):
        catalogue.fetch(catalogue.find(str(phi), {}), tmp_path)


def test_a_model_that_embeds_may_be_of_another_architecture(tmp_path: Path) -> None:
    model = catalogue.BaseModel("bert", f"path:{tmp_path}", "bert.gguf", dimensions=8)
    finish(begin(tmp_path / "bert.gguf", "bert", Shape()), (), "F32")
    assert catalogue.fetch(model, tmp_path) == tmp_path / "bert.gguf"


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + bytes(40), b"\x80\x04 no model at all, but long enough"])
def test_what_is_no_gguf_is_left_to_whoever_loads_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "base.gguf").write_bytes(content)
    architectures.check(tmp_path / "base.gguf")
