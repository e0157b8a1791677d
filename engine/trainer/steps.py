"""One optimizer step and one evaluation: loss on trained tokens only, no padding seen by the model's head."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from engine.trainer import lora
from engine.trainer.crew import Crew
from engine.trainer.data import Example
from engine.trainer.errors import TrainingDiverged

CHUNK = 512  # tokens whose logits exist at once
MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Score:
    """Mean loss and accuracy over a number of trained tokens."""

    loss: float
    accuracy: float
    tokens: int


class AnswerLoss(torch.autograd.Function):
    """Mean cross-entropy and number of right guesses under a frozen output head, a chunk of tokens at a time."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`hidden` is (tokens, width), `head` (vocabulary, width), `targets` (tokens)."""
        total = hidden.new_zeros((), dtype=torch.float32)
        right = torch.zeros((), dtype=torch.long)
        of_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(targets), CHUNK):
            piece = slice(start, start + CHUNK)
            logits = (hidden[piece] @ head.T).float()
            wanted = targets[piece, None]
            right += (logits.argmax(-1, keepdim=True) == wanted).sum()
            log_total = logits.logsumexp(-1, keepdim=True)
            total += (log_total - logits.gather(-1, wanted)).sum()
            if of_hidden is not None:
                share = logits.sub_(log_total).exp_()
                share.scatter_add_(-1, wanted, -torch.ones_like(wanted, dtype=share.dtype))
                of_hidden[piece] = share.to(head.dtype) @ head / len(targets)
        ctx.save_for_backward(of_hidden)
        ctx.mark_non_differentiable(right)
        return total / len(targets), right

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of the hidden states was found on the way forward."""
        (of_hidden,) = ctx.saved_tensors
        return of_hidden * gradients[0].to(of_hidden.dtype), None, None


def answer_loss(hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy over `targets`, to go backwards from, and how many of them were the likeliest token."""
    loss, right = AnswerLoss.apply(hidden, head, targets)  # type: ignore[no-untyped-call]
    return loss, right


def collate(examples: Sequence[Example], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids (rows, length) padded at the right, where causal attention needs no mask, and the trained positions."""
    length = max(len(example) for example in examples)
    ids = torch.full((len(examples), length), pad_id)
    trained = torch.zeros((len(examples), length), dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = torch.tensor(example.ids)
        trained[row, : len(example)] = torch.tensor(example.trained)
    return ids, trained


def batch_loss(peft_model: Any, examples: Sequence[Example], pad_id: int) -> tuple[torch.Tensor, Score]:
    """Loss over the trained tokens of a batch, as a tensor to go backwards from and as a score."""
    ids, trained = collate(examples, pad_id)
    model = peft_model.get_base_model()
    hidden = getattr(model, model.base_model_prefix)(input_ids=ids, use_cache=False).last_hidden_state
    wanted = trained[:, 1:]
    loss, right = answer_loss(hidden[:, :-1][wanted], model.get_output_embeddings().weight, ids[:, 1:][wanted])
    tokens = int(wanted.sum())
    return loss, Score(float(loss.detach()), float(right) / tokens, tokens)


def new_optimizer(peft_model: Any) -> torch.optim.Optimizer:
    """AdamW over the adapter alone, without weight decay."""
    return torch.optim.AdamW(lora.trainable(peft_model), weight_decay=0.0, fused=True)


def train_step(
    peft_model: Any,
    optimizer: torch.optim.Optimizer,
    learning_rate: float,
    examples: Sequence[Example],
    pad_id: int,
    crew: Crew,
) -> Score:
    """Take one optimizer step on one batch; raise TrainingDiverged if the loss is not a finite number."""
    parameters = lora.trainable(peft_model)
    tokens = sum(sum(example.trained[1:]) for example in examples)

    def gradients(share: Sequence[Example]) -> tuple[Score, tuple[torch.Tensor, ...]]:
        loss, score = batch_loss(peft_model, share, pad_id)
        return score, torch.autograd.grad(loss * (score.tokens / tokens), parameters)

    scores, shares = zip(*crew.work(gradients, crew.share(examples)), strict=True)
    score = _together(scores)
    if not math.isfinite(score.loss):
        raise TrainingDiverged("The training loss is no longer a finite number; lower learning_rate_multiplier.")
    for parameter, *parts in zip(parameters, *shares, strict=True):
        parameter.grad = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
    torch.nn.utils.clip_grad_norm_(parameters, MAX_GRADIENT_NORM)
    optimizer.param_groups[0]["lr"] = learning_rate
    optimizer.step()
    optimizer.zero_grad()
    return score


def evaluate(peft_model: Any, batches: Sequence[Sequence[Example]], pad_id: int, crew: Crew) -> Score:
    """Loss and accuracy over every trained token of these batches."""

    def score(batch: Sequence[Example]) -> Score:
        with torch.no_grad():  # a thread's own setting
            return batch_loss(peft_model, batch, pad_id)[1]

    return _together(crew.work(score, batches))


def _together(scores: Sequence[Score]) -> Score:
    tokens = sum(score.tokens for score in scores)
    loss = sum(score.loss * score.tokens for score in scores) / tokens
    return Score(loss, sum(score.accuracy * score.tokens for score in scores) / tokens, tokens)
