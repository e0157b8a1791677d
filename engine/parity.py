"""Train = serve: is what llama.cpp serves the model that torch trained? It compares one adapter, and trains nothing.

llama.cpp is led along the torch model's own greedy answers, and at each position both say how likely they find the
same few tokens. Torch computes with dequantised weights, llama.cpp with 8-bit activations, so the two never agree to
the last digit; the tolerances lie between that noise and the smallest fault measured (docs/log.md).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from engine.serving.process import ModelProcess, ServedModel, ServerSettings

DRIFT_TOLERANCE = 0.25
"""Mean difference of log-probability over the tokens that torch finds most likely, in nats."""
TIE_TOLERANCE = 1.0
"""By how much llama.cpp may prefer another token to torch's choice at one position, in nats."""
NEGLIGIBLE = -12.0
"""Log-probability below which a token's exact value says nothing: 6 in a million."""
_BEST = 300
_FORCE = 1e6


@dataclass(frozen=True)
class Parity:
    """The verdict, in words for the job's events, and the figures behind it."""

    same: bool
    message: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class Position:
    """One token of an answer: whether both choose it, by how much llama.cpp likes another better, and the drift."""

    same_choice: bool
    gap: float
    drift: float


def compare(model: ServedModel, parity_file: Path, settings: ServerSettings) -> Parity:
    """Serve `model` and compare it with what the trainer wrote to `parity_file` (its own prompts and answers).

    Raises:
        ModelGone, ServerFault: the server ended meanwhile, declined, or did not start; nothing is proven either way.
    """
    rows = json.loads(parity_file.read_text(encoding="utf-8"))["rows"]
    process = ModelProcess(model, settings, parity_file.with_name("parity.log"))
    try:
        process.start()
        spoken = process.ask("/tokenize", {"content": "a"})["tokens"][0]
        for row in rows:
            served = _prompt_ids(process, row)
            if served != row["prompt_ids"]:
                return _other_prompt(row["prompt_ids"], served)
        return judge([position for row in rows for position in _positions(process, row, spoken)])
    finally:
        process.stop()


def judge(positions: list[Position]) -> Parity:
    """Return the verdict over all positions of all answers."""
    if not positions:
        return Parity(False, "Train and serve could not be compared: no answer fits into the context.", {})
    figures = {
        "tokens": len(positions),
        "same_choices": sum(position.same_choice for position in positions),
        "mean_drift": round(mean(position.drift for position in positions), 4),
        "largest_gap": round(max(position.gap for position in positions), 4),
    }
    same = figures["mean_drift"] <= DRIFT_TOLERANCE and figures["largest_gap"] <= TIE_TOLERANCE
    opening = "The served model answers as trained" if same else "The served model does not answer as trained"
    message = (
        f"{opening}: {figures['same_choices']} of {figures['tokens']} tokens are the same; log-probabilities differ "
        f"by {figures['mean_drift']:.3f} on average (at most {DRIFT_TOLERANCE} allowed), and another token is "
        f"preferred by {figures['largest_gap']:.3f} at most ({TIE_TOLERANCE} allowed)."
    )
    return Parity(same, message, figures)


def _prompt_ids(process: ModelProcess, row: dict[str, Any]) -> list[int]:
    """Return the token ids that the server makes of a conversation."""
    asked = {"messages": row["messages"], "tools": row.get("tools")}
    prompt = process.ask("/apply-template", {name: value for name, value in asked.items() if value})["prompt"]
    tokens: list[int] = process.ask("/tokenize", {"content": prompt, "add_special": True, "parse_special": True})[
        "tokens"
    ]
    return tokens


def _other_prompt(trained: list[int], served: list[int]) -> Parity:
    pairs = zip(trained, served, strict=False)
    place = next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(trained), len(served)))
    message = (
        f"Trainer and server read the same conversation differently: its token ids differ from place {place} on "
        f"({len(trained)} tokens in training, {len(served)} in serving)."
    )
    return Parity(False, message, {"prompt_differs_at": place})


def _positions(process: ModelProcess, row: dict[str, Any], spoken: int) -> Iterator[Position]:
    """Yield one position after the other of a row's answer, as far as it fits into the context.

    llama.cpp tells no probabilities of a token that ends the answer or is half a character, so it is made to say the
    letter `spoken`; the log-probabilities it tells are those from before that.
    """
    asked: dict[str, Any] = {"n_predict": 1, "temperature": 0, "top_k": 0, "n_probs": _BEST}
    asked |= {"logit_bias": [[spoken, _FORCE]], **process.chosen(process.model)}
    room = process.settings.context_tokens - len(row["prompt_ids"])
    for place, chosen in enumerate(row["answer_ids"][: max(0, room)]):
        prompt = row["prompt_ids"] + row["answer_ids"][:place]
        reply = process.ask("/completion", {"prompt": prompt, **asked})
        best = reply["completion_probabilities"][0]["top_logprobs"]
        yield _compare(chosen, row["alternatives"][place], {token["id"]: token["logprob"] for token in best})


def _compare(chosen: int, alternatives: list[tuple[int, float]], served: dict[int, float]) -> Position:
    """Compare one position: torch's choice and best tokens, and llama.cpp's log-probabilities of its best."""
    least = min(served.values())
    drifts = [abs(served.get(token, least) - logprob) for token, logprob in alternatives if logprob > NEGLIGIBLE]
    gap = max(served.values()) - served.get(chosen, least)
    return Position(gap == 0, gap, mean(drifts))
