"""How likely a model finds the trained tokens of some sequences, with gradients; it knows no loss."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from engine.trainer.data import Example

CHUNK = 512  # tokens whose logits exist at once


class TokenLogProbs(torch.autograd.Function):
    """Log-probability of each token under a frozen output head, and whether it is the likeliest, a chunk at a time."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`hidden` is (tokens, width), `head` (vocabulary, width), `targets` (tokens); the results are (tokens)."""
        found = hidden.new_zeros(len(targets), dtype=torch.float32)
        right = torch.zeros(len(targets), dtype=torch.bool)
        of_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(targets), CHUNK):
            piece = slice(start, start + CHUNK)
            logits = (hidden[piece] @ head.T).float()
            wanted = targets[piece, None]
            right[piece] = (logits.argmax(-1, keepdim=True) == wanted)[:, 0]
            log_total = logits.logsumexp(-1, keepdim=True)
            found[piece] = (logits.gather(-1, wanted) - log_total)[:, 0]
            if of_hidden is not None:
                share = logits.sub_(log_total).exp_().neg_()
                share.scatter_add_(-1, wanted, torch.ones_like(wanted, dtype=share.dtype))
                of_hidden[piece] = share.to(head.dtype) @ head
        ctx.save_for_backward(of_hidden)
        ctx.mark_non_differentiable(right)
        return found, right

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of each token's own hidden state was found on the way forward."""
        (of_hidden,) = ctx.saved_tensors
        return (of_hidden * gradients[0][:, None]).to(of_hidden.dtype), None, None


def token_log_probs(
    hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of each target, to go backwards from, and whether it was the likeliest token."""
    found, right = TokenLogProbs.apply(hidden, head, targets)  # type: ignore[no-untyped-call]
    return found, right


def collate(examples: Sequence[Example], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids (rows, length) padded at the right, where causal attention needs no mask, and the trained positions."""
    length = max(len(example) for example in examples)
    ids = torch.full((len(examples), length), pad_id)
    trained = torch.zeros((len(examples), length), dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = torch.tensor(example.ids)
        trained[row, : len(example)] = torch.tensor(example.trained)
    return ids, trained


def of_answers(
    peft_model: Any, examples: Sequence[Example], pad_id: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of every trained token: its log-probability, whether it was the likeliest, and the row it stands in."""
    places = trained_places(peft_model, examples, pad_id)
    found, right = token_log_probs(places.hidden, places.head, places.ids)
    return found, right, places.rows


class Places(NamedTuple):
    """Where trained tokens stand: the hidden states before them (tokens, width), their ids, the rows that they are in
    (tokens both), and the output head (vocabulary, width) that makes words of a hidden state."""

    hidden: torch.Tensor
    ids: torch.Tensor
    rows: torch.Tensor
    head: torch.Tensor


def trained_places(peft_model: Any, examples: Sequence[Example], pad_id: int) -> Places:
    """Send examples through the model; return what it makes of every trained token's place."""
    ids, trained = collate(examples, pad_id)
    model = peft_model.get_base_model()
    hidden = getattr(model, model.base_model_prefix)(input_ids=ids, use_cache=False).last_hidden_state
    wanted = trained[:, 1:]
    head = model.get_output_embeddings().weight
    return Places(hidden[:, :-1][wanted], ids[:, 1:][wanted], wanted.nonzero()[:, 0], head)


def trained_tokens(example: Example) -> int:
    """How many tokens of an example are trained; the first of a sequence has nothing before it to tell it from."""
    return sum(example.trained[1:])
