"""Direct preference optimisation: pairs of answers in, their loss out; steps and schedules are those of any method.

The loss is equation 7 of Rafailov et al. 2023, with the model as it was before the training for its reference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine import durable
from engine.trainer import likelihood
from engine.trainer.crew import Crew
from engine.trainer.data import Dataset, Example, cut, encode, records
from engine.trainer.errors import InvalidTrainingFile
from engine.trainer.steps import Score, Supervised

PREFERRED = ("preferred_output", "preferred_completion")
NOT_PREFERRED = ("non_preferred_output", "non_preferred_completion")


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt, and their log-probabilities under the reference once those are known."""

    preferred: Example
    other: Example
    reference: tuple[float, float] = (0.0, 0.0)

    def __len__(self) -> int:
        return len(self.preferred) + len(self.other)


def load(path: Path, tokenizer: Any, max_tokens: int, working: Callable[[], None] = lambda: None) -> Dataset[Pair]:
    """Encode every pair of a preference JSONL file; a pair with an answer that lies behind `max_tokens` is left out."""
    pairs, truncated, lines = [], 0, 0
    for line, row in records(path, tokenizer):
        working()
        lines += 1
        pair = encode_pair(row, tokenizer, line)
        truncated += max(len(pair.preferred), len(pair.other)) > max_tokens
        preferred, other = (cut(one, max_tokens) for one in (pair.preferred, pair.other))
        if any(preferred.trained) and any(other.trained):
            pairs.append(Pair(preferred, other))
    if not pairs:
        raise InvalidTrainingFile("No line has two answers to compare within the model's token limit.")
    return Dataset(pairs, [], truncated, lines - len(pairs))


def encode_pair(row: dict[str, Any], tokenizer: Any, line: int) -> Pair:
    """Encode both answers of one preference, each behind the prompt; nothing is cut."""
    preferred, other = (_answer(row, names, tokenizer, line) for names in (PREFERRED, NOT_PREFERRED))
    return Pair(preferred, other)


def _answer(row: dict[str, Any], names: Sequence[str], tokenizer: Any, line: int) -> Example:
    """One side of a pair, with the loss on its answer alone."""
    given = row.get("input")
    outputs = next((row[name] for name in names if name in row), None)
    prompt = given.get("messages") if isinstance(given, dict) else None
    if not isinstance(prompt, list) or not all(isinstance(one, dict) for one in prompt):
        raise InvalidTrainingFile(f"Line {line} has no input with a list of messages.")
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
        raise InvalidTrainingFile(f"Line {line} has no {names[0]} with one message.")
    messages = [*({**message, "weight": 0} for message in prompt), {**outputs[0], "weight": 1}]
    encoded = encode({"messages": messages, "tools": row["input"].get("tools")}, tokenizer, line)
    if not encoded:
        raise InvalidTrainingFile(f"Line {line} has no assistant's message in {names[0]}.")
    return encoded[0]


@dataclass(frozen=True)
class Preference:
    """The loss of pairs: how much more the model than its reference prefers one answer to the other."""

    model: Any
    pad_id: int
    beta: float

    def weight(self, batch: Sequence[Pair]) -> int:
        """Return the number of pairs."""
        return len(batch)

    def loss(self, batch: Sequence[Pair]) -> tuple[torch.Tensor, Score]:
        """Return the mean of -log sigmoid(beta * margin) and its score; rewards are beta times the log-ratios."""
        preferred, other, accuracy = self._log_probs(batch)
        reference = torch.tensor([pair.reference for pair in batch])
        rewards = self.beta * (torch.stack((preferred, other), 1) - reference)
        margins = rewards[:, 0] - rewards[:, 1]
        loss = -torch.nn.functional.logsigmoid(margins).mean()
        also = {"reward_accuracy": float((margins > 0).float().mean()), "reward_margin": float(margins.detach().mean())}
        return loss, Score(float(loss.detach()), accuracy, len(batch), also)

    def longest(self, item: Pair) -> int:
        """Return the tokens of a pair's longer side."""
        return max(len(item.preferred), len(item.other))

    def piece(self, item: Pair, tokens: int) -> Pair:
        """Return the beginnings of both sides, all of them trained."""
        sides = Supervised(self.model, self.pad_id)
        return Pair(sides.piece(item.preferred, tokens), sides.piece(item.other, tokens))

    def refer(self, pairs: Sequence[Pair], crew: Crew) -> list[tuple[float, float]]:
        """Return the log-probabilities of each pair's answers under the model as it is now."""

        def log_probs(batch: Sequence[Pair]) -> list[tuple[float, float]]:
            with torch.no_grad():  # a thread's own setting
                preferred, other, _ = self._log_probs(batch)
            return list(zip(preferred.tolist(), other.tolist(), strict=True))

        return [found for one in crew.work(log_probs, [[pair] for pair in pairs]) for found in one]

    def _log_probs(self, batch: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor, float]:
        """Summed log-probability of each preferred and each other answer, and how many preferred tokens are guessed."""
        rows = [*(pair.preferred for pair in batch), *(pair.other for pair in batch)]
        found, right, row = likelihood.of_answers(self.model, rows, self.pad_id)
        sums = found.new_zeros(len(rows)).index_add(0, row, found)
        ours = row < len(batch)
        return sums[: len(batch)], sums[len(batch) :], float(right[ours].float().mean())


def refer_all(objective: Preference, datasets: Sequence[Dataset[Pair]], path: Path, crew: Crew) -> list[Dataset[Pair]]:
    """Give every pair its log-probabilities under the model as it is now, computed once and kept at `path`."""
    if not path.exists():
        durable.write_json(path, [objective.refer(dataset.examples, crew) for dataset in datasets])
    known = durable.read_json(path)
    return [_with_reference(dataset, found) for dataset, found in zip(datasets, known, strict=True)]


def _with_reference(dataset: Dataset[Pair], found: Sequence[Sequence[float]]) -> Dataset[Pair]:
    pairs = zip(dataset.examples, found, strict=True)
    return replace(dataset, examples=[replace(pair, reference=(one[0], one[1])) for pair, one in pairs])
