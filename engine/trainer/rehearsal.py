"""What the model could do before the job, rehearsed in each step so that it is not forgotten: `rehearsal.jsonl`.

A few general questions with answers go through the model beside the job's rows, and its distribution of every next
token of the answers is held near the one that it began with (dark experience replay, arXiv 2004.07211). What the
answers say is not learned by it. The figures are in docs/log.md.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from engine.trainer import data, likelihood, steps
from engine.trainer.crew import Crew
from engine.trainer.data import Example

FILE = Path(__file__).with_name("rehearsal.jsonl")
ROWS = 2  # of a step
WEIGHT = 2.0  # of their loss beside that of the job's rows


class Divergence(torch.autograd.Function):
    """Kullback-Leibler divergence of the next token's distribution from the one before, of each place."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, before: torch.Tensor, head: torch.Tensor) -> torch.Tensor:
        """`hidden` and `before` are (tokens, width), `head` (vocabulary, width); the result is (tokens), in nats."""
        now = (hidden @ head.T).float().log_softmax(-1)
        then = (before @ head.T).float().log_softmax(-1)
        found = (then.exp() * (then - now)).sum(-1)
        ctx.save_for_backward((now.exp_() - then.exp_()).to(head.dtype) @ head)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of each place's own hidden state was found on the way forward."""
        (of_hidden,) = ctx.saved_tensors
        return (of_hidden * gradients[0][:, None]).to(of_hidden.dtype), None, None


@dataclass(frozen=True)
class Rehearsal:
    """Examples, and the hidden states before each token of their answers as the model had them at first."""

    model: Any
    pad_id: int
    examples: Sequence[Example]
    before: Sequence[torch.Tensor]

    def losses(self, step: int) -> list[steps.Loss]:
        """Return the losses of the rows of 1-based `step`, each of which goes backwards by itself."""
        first = (step - 1) * ROWS
        return [
            partial(self._loss, (first + place) % len(self.examples)) for place in range(min(ROWS, len(self.examples)))
        ]

    def tokens(self, steps: int) -> int:
        """Tokens that go through the model in so many steps, padding apart."""
        return round(ROWS * steps * fmean(map(len, self.examples))) if self.examples else 0

    def in_words(self) -> str:
        """What the plan's sentence says of it; empty if nothing is rehearsed."""
        if not self.examples:
            return ""
        return f"; {ROWS} general questions are rehearsed in each step, so that the model keeps what it could do"

    def _loss(self, row: int) -> torch.Tensor:
        now = likelihood.trained_places(self.model, [self.examples[row]], self.pad_id)
        found: torch.Tensor = Divergence.apply(now.hidden, self.before[row], now.head)  # type: ignore[no-untyped-call]
        loss: torch.Tensor = found.mean() * (WEIGHT / ROWS)
        return loss


NONE = Rehearsal(None, 0, (), ())


def prepare(
    objective: steps.Supervised, tokenizer: Any, max_tokens: int, crew: Crew, taught: Container[str] = ()
) -> Rehearsal:
    """Note how the model stands now, before a step of the job has changed it; prompts that it teaches are left out."""
    model, pad_id = objective.model, objective.pad_id
    encoded = (one for line, row in data.rows(FILE, tokenizer) for one in data.encode(row, tokenizer, line))
    fitting = (data.cut(one, max_tokens) for one in encoded if one.prompt not in taught)
    examples = [one for one in fitting if any(one.trained[1:])]

    def before(example: Example) -> torch.Tensor:
        with torch.no_grad():  # a thread's own setting
            return likelihood.trained_places(model, [example], pad_id).hidden

    return Rehearsal(model, pad_id, examples, crew.work(before, examples))
