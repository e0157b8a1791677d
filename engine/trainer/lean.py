"""Keeps out of the trainer's processes what torch and transformers import for compilers and clusters, unused here.

That is a third of the modules of its start, and half of its processor seconds (docs/log.md has the measurement).
"""

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def imports() -> Iterator[None]:
    """Import torch and transformers within this; where they have been imported already, nothing is done.

    Nothing is compiled here, so of the compiler only what marks functions for it and is called without it is there; any
    other use is an AttributeError. What is imported stays, so no garbage is looked for in it, now or later.
    """
    if "torch._dynamo" in sys.modules:
        yield
        return
    gc.disable()
    _leave_out()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _leave_out() -> None:
    """Stand in for `torch._dynamo`, say that there is no cluster, and have no table of all classes of all models.

    For that table transformers reads the sources of all models that it knows, some 1,800, twice; models are found by
    their names without it.
    """
    import torch.distributed

    compiler = ModuleType("torch._dynamo")
    vars(compiler).update(
        __path__=[], disable=_mark, assume_constant_result=_mark, allow_in_graph=_mark, graph_break=_nothing
    )
    masks = ModuleType("torch._dynamo._trace_wrapped_higher_order_op")
    vars(masks).update(TransformGetItemToIndex=contextlib.nullcontext)
    models = ModuleType("transformers.models")
    transformers = find_spec("transformers")
    folders = (transformers and transformers.submodule_search_locations) or []
    vars(models).update(__path__=[f"{folder}/models" for folder in folders])
    sys.modules.update({module.__name__: module for module in (compiler, masks, models)})
    vars(torch).update(_dynamo=compiler)
    vars(torch.distributed).update(is_available=lambda: False)


def _mark(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
    """As a decorator of the compiler's, with or without settings, that leaves the function alone."""
    return function or (lambda marked: marked)


def _nothing() -> None:
    """What a note to the compiler does where there is none."""
