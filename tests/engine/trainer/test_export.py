"""Trainer and server compute the same: torch and llama.cpp on the same base and the same exported adapter."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import architectures
from engine.architectures import Architecture
from engine.trainer import export, lora
from engine.trainer.base_model import load_model, load_tokenizer
from tests.tiny_models import write_gemma3, write_qwen3, write_tiny_gguf

QUESTION = [{"role": "user", "content": "Where is the 12th lamp?\n\n 灯"}]
ASK_LLAMA_CPP = """
import json, sys, urllib.request
import xllamacpp
base, adapter, text, unspeakable = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.warmup = base, 512, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
if adapter:
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(adapter, 1.0)]
server = xllamacpp.Server(params)
def post(path, **body):
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(server.listening_address + path, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request))
ids = post("/tokenize", content=text, parse_special=True)["tokens"]
no_half_characters = [[token, False] for token in json.loads(unspeakable)]
answer = post("/completion", prompt=ids, n_predict=6, temperature=0, n_probs=5, logit_bias=no_half_characters)
steps = answer["completion_probabilities"]
print(json.dumps({"ids": ids, "answer": [step["id"] for step in steps],
                  "best": [[[t["id"], t["logprob"]] for t in step["top_logprobs"]] for step in steps]}))
"""


def ask_llama_cpp(base: Path, adapter: Path | None) -> dict[str, Any]:
    tokenizer = load_tokenizer(base)
    text = tokenizer.apply_chat_template(QUESTION, tokenize=False, add_generation_prompt=True)
    unspeakable = [token for token in range(len(tokenizer)) if "\ufffd" in tokenizer.decode([token])]
    command = [sys.executable, "-c", ASK_LLAMA_CPP, str(base), str(adapter or ""), text, json.dumps(unspeakable)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def moved_model(base: Path) -> Any:
    model = lora.attach(load_model(base, torch.float32, "sdpa"), None, seed=1)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def write_adapter(model: Any, path: Path) -> Path:
    export.write_gguf_lora(lora.weights(model), lora.ALPHA, model.get_base_model().config, path)
    return path


@torch.no_grad()
def largest_difference(model: Any, said: dict[str, Any]) -> float:
    """Of any of llama.cpp's log-probabilities from torch's, along llama.cpp's own answer."""
    ids, differences = list(said["ids"]), [0.0]
    for best, token_said in zip(said["best"], said["answer"], strict=True):
        logprobs = model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        differences += [abs(float(logprobs[token]) - logprob) for token, logprob in best]
        ids.append(token_said)
    return float(max(differences))


EXACT, ROUNDED = 0.05, 0.25  # nats; llama.cpp rounds what goes through quantised matrices to 8 bits
BASES: dict[str, tuple[float, Callable[[Path], Path]]] = {
    "llama": (EXACT, write_tiny_gguf),
    "qwen2": (EXACT, lambda path: write_tiny_gguf(path, "qwen2")),
    "qwen3 in halves, an output matrix of its own": (EXACT, lambda path: write_qwen3(path, "F16", tied=False)),
    "qwen3 in 8 bits": (ROUNDED, lambda path: write_qwen3(path, "Q8_0")),
    "gemma3 with stretched positions": (EXACT, lambda path: write_gemma3(path, stretched=8)),
    "gemma3 in 8 bits, an output matrix of its own": (ROUNDED, lambda path: write_gemma3(path, "Q8_0", tied=False)),
    "gemma3 in a type that transformers cannot read": (ROUNDED, lambda path: write_gemma3(path, "Q5_0")),
}


@pytest.mark.parametrize(("tolerance", "write"), BASES.values(), ids=BASES.keys())
def test_llama_cpp_computes_what_torch_does(tolerance: float, write: Callable[[Path], Path], tmp_path: Path) -> None:
    base = write(tmp_path / "base.gguf")
    model = moved_model(base)
    said = ask_llama_cpp(base, write_adapter(model, tmp_path / "adapter.gguf"))
    assert len(said["best"]) >= 1
    assert largest_difference(model, said) < tolerance
    with model.disable_adapter():
        assert largest_difference(model, said) > 0.2, "the adapter must matter for this to prove anything"


def test_an_adapter_whose_rows_are_not_permuted_is_another_model(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpermuted: Callable[..., Any] = lambda rows, module, config: rows  # noqa: E731
    monkeypatch.setattr(export, "rows_as_llama_cpp_has_them", unpermuted)
    model = moved_model(tiny_gguf)
    assert largest_difference(model, ask_llama_cpp(tiny_gguf, write_adapter(model, tmp_path / "wrong.gguf"))) > 0.1


@pytest.fixture(scope="module")
def gemma3(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A tiny Gemma 3 and what llama.cpp says with it."""
    base = write_gemma3(tmp_path_factory.mktemp("gemma3") / "base.gguf", stretched=8)
    return base, ask_llama_cpp(base, None)


def told_otherwise(**fields: Any) -> Architecture:
    """Gemma 3 with other fields in its configuration."""
    known = architectures.SUPPORTED["gemma3"]
    peculiar = known.peculiar
    assert peculiar is not None
    return replace(known, peculiar=lambda config, metadata: peculiar(config, metadata) | fields)


SAME_BASES = {kind: {"rope_type": "default", "rope_theta": 1e6} for kind in ("full_attention", "sliding_attention")}
WRONG = {
    "norms as they are in the file": replace(architectures.SUPPORTED["gemma3"], norms_from_one=False),
    "a wider window": told_otherwise(sliding_window=14),
    "no window": told_otherwise(layer_types=["full_attention"] * 6),
    "one rotary base": told_otherwise(rope_parameters=SAME_BASES),
    "attention scaled by width / heads": told_otherwise(query_pre_attn_scalar=16),
    "another activation": told_otherwise(hidden_activation="silu"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_each_peculiarity_of_gemma3_is_seen(
    wrong: Architecture, gemma3: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, said = gemma3
    assert largest_difference(load_model(base, torch.float32, "sdpa"), said) < 0.02
    monkeypatch.setitem(architectures.SUPPORTED, "gemma3", wrong)
    assert largest_difference(load_model(base, torch.float32, "sdpa"), said) > 0.05


@pytest.mark.parametrize("setting", [{"final_logit_softcapping": 30.0}, {"rope.scaling.type": "yarn"}])
def test_a_setting_that_is_not_computed_alike_is_refused(setting: dict[str, Any]) -> None:
    own = {"embedding_length": 64, "block_count": 6, "attention.head_count": 4} | setting
    metadata = {"general.architecture": "gemma3"} | {f"gemma3.{name}": value for name, value in own.items()}
    with pytest.raises(architectures.Unsupported, match="not supported"):
        architectures.configuration(metadata, {})


def test_the_base_alone_is_read_as_llama_cpp_reads_it(tiny_gguf: Path) -> None:
    model = load_model(tiny_gguf, torch.float32, "sdpa")
    assert largest_difference(model, ask_llama_cpp(tiny_gguf, None)) < 0.05
