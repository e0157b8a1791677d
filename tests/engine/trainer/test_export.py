"""Trainer and server compute the same: torch and llama.cpp on the same base and the same exported adapter."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.trainer import export, lora
from engine.trainer.base_model import load_model, load_tokenizer
from tests.tiny_models import write_tiny_gguf

TEXT = "<|im_start|>user\nWhere is the 12th lamp?\n\n 灯<|im_end|>\n<|im_start|>assistant\n"
ASK_LLAMA_CPP = """
import json, sys, urllib.request
import xllamacpp
base, adapter, text = sys.argv[1:]
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
no_half_characters = [[3 + byte, False] for byte in range(128, 256)]
answer = post("/completion", prompt=ids, n_predict=6, temperature=0, n_probs=5, logit_bias=no_half_characters)
steps = answer["completion_probabilities"]
print(json.dumps({"ids": ids, "answer": [step["id"] for step in steps],
                  "best": [[[t["id"], t["logprob"]] for t in step["top_logprobs"]] for step in steps]}))
"""


def ask_llama_cpp(base: Path, adapter: Path | None) -> dict[str, Any]:
    command = [sys.executable, "-c", ASK_LLAMA_CPP, str(base), str(adapter or ""), TEXT]
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


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_llama_cpp_computes_what_torch_does(architecture: str, tmp_path: Path) -> None:
    base = write_tiny_gguf(tmp_path / "base.gguf", architecture)
    model = moved_model(base)
    said = ask_llama_cpp(base, write_adapter(model, tmp_path / "adapter.gguf"))
    assert len(said["best"]) >= 1
    assert said["ids"] == load_tokenizer(base)(TEXT, add_special_tokens=False)["input_ids"]
    assert largest_difference(model, said) < 0.05
    with model.disable_adapter():
        assert largest_difference(model, said) > 0.2, "the adapter must matter for this to prove anything"


def test_an_adapter_whose_rows_are_not_permuted_is_another_model(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpermuted: Callable[..., Any] = lambda rows, module, config: rows  # noqa: E731
    monkeypatch.setattr(export, "rows_as_llama_cpp_has_them", unpermuted)
    model = moved_model(tiny_gguf)
    assert largest_difference(model, ask_llama_cpp(tiny_gguf, write_adapter(model, tmp_path / "wrong.gguf"))) > 0.1


def test_the_base_alone_is_read_as_llama_cpp_reads_it(tiny_gguf: Path) -> None:
    model = load_model(tiny_gguf, torch.float32, "sdpa")
    assert largest_difference(model, ask_llama_cpp(tiny_gguf, None)) < 0.05
