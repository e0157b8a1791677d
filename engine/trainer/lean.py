"""Keeps out of the trainer's process what torch and transformers import for compilers and clusters, unused here.

That is a third of the modules of its start, some 2 of 8 processor seconds (docs/log.md has the measurement).
"""

import contextlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def leave_out() -> None:
    """Stand in for `torch._dynamo`, and say that there is no cluster; to be called before transformers is imported.

    Nothing is compiled here, so of the compiler only what marks functions for it and is called without it is there; any
    other use is an AttributeError. Where it has been imported already, nothing is done.
    """
    if "torch._dynamo" in sys.modules:
        return
    import torch.distributed

    compiler = ModuleType("torch._dynamo")
    vars(compiler).update(
        __path__=[], disable=_mark, assume_constant_result=_mark, allow_in_graph=_mark, graph_break=_nothing
    )
    masks = ModuleType("torch._dynamo._trace_wrapped_higher_order_op")
    vars(masks).update(TransformGetItemToIndex=contextlib.nullcontext)
    sys.modules.update({module.__name__: module for module in (compiler, masks)})
    vars(torch).update(_dynamo=compiler)
    vars(torch.distributed).update(is_available=lambda: False)


def _mark(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
    """As a decorator of the compiler's, with or without settings, that leaves the function alone."""
    return function or (lambda marked: marked)


def _nothing() -> None:
    """What a note to the compiler does where there is none."""
