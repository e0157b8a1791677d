"""What the trained model answers to its own training prompts, for the engine to compare with llama.cpp's answers."""

from collections.abc import Sequence
from typing import Any

import torch

from engine.trainer.data import Example

ROWS = 3
ANSWER_TOKENS = 32
ALTERNATIVES = 5
LOOKED_AT = 64  # rows, the shortest; a training that changed the answer of none of them has taught nothing
LEAST_SHIFT = 0.01  # of a hundred tokens sampled at one place, one is another


@torch.no_grad()
def document(peft_model: Any, tokenizer: Any, examples: Sequence[Example]) -> dict[str, Any]:
    """The content of parity.json: greedy answers and their log-probabilities for a few short distinct prompts.

    Of each answer `as_base` says whether the model without its adapter would give it too.
    """
    return {"rows": [_row(peft_model, tokenizer, example) for example in _shortest_distinct(examples)]}


@torch.no_grad()
def is_told_apart(peft_model: Any, examples: Sequence[Example]) -> bool:
    """Whether sampled answers can tell the model from what it is without its adapter.

    So they can if at some place of some answer LEAST_SHIFT of the probability lies on other tokens than before (the
    total variation distance of the two distributions).
    """
    return any(_shift(peft_model, example) >= LEAST_SHIFT for example in sorted(examples, key=len)[:LOOKED_AT])


def _shift(peft_model: Any, example: Example) -> float:
    """The largest total variation distance at the first places of an example's answer."""
    places = torch.tensor(example.trained[1:]).nonzero()[:ANSWER_TOKENS, 0]
    ids = torch.tensor([example.ids])
    tuned = peft_model(input_ids=ids, logits_to_keep=places).logits[0].float().softmax(-1)
    with peft_model.disable_adapter():
        base = peft_model(input_ids=ids, logits_to_keep=places).logits[0].float().softmax(-1)
    return float((tuned - base).abs().sum(-1).max() / 2)


def _shortest_distinct(examples: Sequence[Example]) -> list[Example]:
    by_prompt = {example.prompt: example for example in sorted(examples, key=len, reverse=True)}
    return sorted(by_prompt.values(), key=len)[:ROWS]


def _row(peft_model: Any, tokenizer: Any, example: Example) -> dict[str, Any]:
    prompt_ids = example.ids[: example.prompt_length]
    answer, logprobs, alternatives = _greedy(peft_model, prompt_ids, _ends(tokenizer, example))
    return {
        "messages": example.messages,
        "tools": example.tools,
        "prompt": example.prompt,
        "prompt_ids": prompt_ids,
        "answer_ids": answer,
        "answer_logprobs": logprobs,
        "answer_text": tokenizer.decode(answer, skip_special_tokens=True),
        "alternatives": alternatives,
        "as_base": _is_the_bases(peft_model, prompt_ids, answer),
    }


def _is_the_bases(peft_model: Any, prompt_ids: list[int], answer: list[int]) -> bool:
    with peft_model.disable_adapter():
        logits = peft_model(input_ids=torch.tensor([prompt_ids + answer[:-1]]), logits_to_keep=len(answer)).logits
    return bool((logits[0].argmax(-1) == torch.tensor(answer)).all())


def _ends(tokenizer: Any, example: Example) -> set[int]:
    """The tokens that end an answer: the file's, and the one that the template puts there, which may be another."""
    trained = example.trained[example.prompt_length :]
    end = example.prompt_length + [*trained, False].index(False) - 1
    return {tokenizer.eos_token_id} | {example.ids[end]} & set(tokenizer.all_special_ids)


def _greedy(
    peft_model: Any, prompt_ids: list[int], ends: set[int]
) -> tuple[list[int], list[float], list[list[tuple[int, float]]]]:
    answer: list[int] = []
    logprobs: list[float] = []
    alternatives: list[list[tuple[int, float]]] = []
    fresh, cache = prompt_ids, None
    while len(answer) < ANSWER_TOKENS and not ends & set(answer[-1:]):
        output = peft_model(input_ids=torch.tensor([fresh]), past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        best = output.logits[0, -1].float().log_softmax(-1).topk(ALTERNATIVES)
        alternatives.append(list(zip(best.indices.tolist(), best.values.tolist(), strict=True)))
        answer.append(int(best.indices[0]))
        logprobs.append(float(best.values[0]))
        fresh = answer[-1:]
    return answer, logprobs, alternatives
