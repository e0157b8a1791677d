"""Random small models as GGUF files that both the trainer and llama.cpp load; training one takes a moment."""

from tests.tiny_models.gemma3 import write_gemma3
from tests.tiny_models.llama import write_tiny_gguf
from tests.tiny_models.qwen3 import write_qwen3

__all__ = ["write_gemma3", "write_qwen3", "write_tiny_gguf"]
