"""Random small models as GGUF files that both the trainer and llama.cpp load; training one takes a moment."""

from tests.tiny_models.gemma3 import write_gemma3
from tests.tiny_models.llama import (
    CALLS,
    CONTEXT,
    HEAD,
    KV_HEADS,
    LAYERS,
    WIDTH,
    write_llama,
    write_scripted_gguf,
    write_tiny_gguf,
)
from tests.tiny_models.qwen3 import write_qwen3

__all__ = [
    "CALLS",
    "CONTEXT",
    "HEAD",
    "KV_HEADS",
    "LAYERS",
    "WIDTH",
    "write_gemma3",
    "write_llama",
    "write_qwen3",
    "write_scripted_gguf",
    "write_tiny_gguf",
]
