"""Random two-layer models as GGUF files that both the trainer and llama.cpp load; training one takes a moment."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np

from tests.tiny_models.parts import CONTROL, NORMAL, Shape, add_vocabulary, begin, decoder, finish, learn_byte_merges

WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 2, 128, 512
HEAD = WIDTH // HEADS
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = [("t", "h"), ("th", "e"), ("i", "n"), ("Ġ", "a")]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# As Qwen's models have it: functions are shown in the system's turn, and a call is JSON between two marks.
CALLS = (
    "{% if tools %}<|im_start|>system\nYou may call functions:\n<tools>{% for tool in tools %}\n{{ tool | tojson }}"
    "{% endfor %}\n</tools>\nFor each call return\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n{% endif %}'
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls %}<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}\n</tool_call>'
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny_gguf(
    path: Path, architecture: str = "llama", chat_template: str | None = CHATML, context: int = CONTEXT
) -> Path:
    """Write a random float32 model of `llama`, `qwen2` or `qwen3` architecture with a byte-level vocabulary."""
    tokens = SPECIAL + _byte_symbols() + ["".join(pair) for pair in MERGES]
    return _write(path, architecture, tokens, _tensors(architecture, len(tokens)), chat_template, context)


def write_llama(path: Path, kind: str = "F32") -> Path:
    """Write one with matrices of `kind`, whose vocabulary was learned, so that it learns what it is taught sooner."""
    shape = Shape(head=HEAD)
    writer = begin(path, "llama", shape)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(10000.0)
    pieces, merges = learn_byte_merges(600)
    vocabulary = dict.fromkeys(pieces, NORMAL) | dict.fromkeys(SPECIAL, CONTROL)
    writer.add_vocab_size(len(vocabulary))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    add_vocabulary(writer, vocabulary, dict(zip(("pad", "bos", "eos"), SPECIAL, strict=True)))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)
    finish(writer, decoder(shape, len(vocabulary), ("attn_norm", "ffn_norm"), tied=True, normed=()), kind)
    return path


def write_scripted_gguf(path: Path, script: Sequence[str], chat_template: str) -> Path:
    """Write a model that says the pieces of `script`, each another and each one token, and then ends its answer.

    Each token is likeliest after one other, whatever was before; the first comes after the prompt's last line feed.
    """
    symbols = _byte_symbols()
    tokens = [*SPECIAL, *symbols, *("".join(pair) for pair in MERGES), *script]
    chain = [tokens.index(symbols[ord("\n")]), *map(tokens.index, script), SPECIAL.index("<|im_end|>")]
    return _write(path, "llama", tokens, _scripted(chain, len(tokens)), chat_template, CONTEXT)


def _write(
    path: Path,
    architecture: str,
    tokens: list[str],
    tensors: Iterable[tuple[str, np.ndarray]],
    chat_template: str | None,
    context: int,
) -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    _add_tokenizer(writer, tokens, chat_template)
    for name, values in tensors:
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: gguf.GGUFWriter, tokens: list[str], chat_template: str | None) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * (256 + len(MERGES))
    writer.add_token_types(kinds + [gguf.TokenType.USER_DEFINED] * (len(tokens) - len(kinds)))
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    if chat_template is not None:
        writer.add_chat_template(chat_template)


def _byte_symbols() -> list[str]:
    """One printable character per byte, as byte-level BPE vocabularies spell them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}
    return [symbols[byte] for byte in range(256)]


def _scripted(chain: Sequence[int], vocabulary: int) -> Iterator[tuple[str, np.ndarray]]:
    """The layers add nothing: the last token's direction chooses the next one."""
    embedding, output = np.zeros((2, vocabulary, WIDTH), np.float32)
    for place, (token, follower) in enumerate(pairwise(chain)):
        embedding[token, place] = 1
        output[follower, place] = 10
    changed = {"token_embd.weight": embedding, "output.weight": output}
    for name, values in _tensors("llama", vocabulary):
        silent = name.endswith(("attn_output.weight", "ffn_down.weight"))
        yield name, changed.pop(name, np.zeros_like(values) if silent else values)
    yield from changed.items()


def _tensors(architecture: str, vocabulary: int) -> Iterator[tuple[str, np.ndarray]]:
    random = np.random.default_rng(7)

    def weight(*shape: int) -> np.ndarray:
        return random.normal(0, 0.15, shape).astype(np.float32)

    yield "token_embd.weight", random.normal(0, 1, (vocabulary, WIDTH)).astype(np.float32)
    yield "output_norm.weight", np.ones(WIDTH, np.float32)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", np.ones(WIDTH, np.float32)
        yield f"{block}.ffn_norm.weight", np.ones(WIDTH, np.float32)
        for name, rows in (("q", WIDTH), ("k", KV_HEADS * HEAD), ("v", KV_HEADS * HEAD)):
            yield f"{block}.attn_{name}.weight", weight(rows, WIDTH)
            if architecture == "qwen2":
                yield f"{block}.attn_{name}.bias", weight(rows)
        if architecture == "qwen3":
            yield f"{block}.attn_q_norm.weight", np.ones(HEAD, np.float32) + weight(HEAD)
            yield f"{block}.attn_k_norm.weight", np.ones(HEAD, np.float32) + weight(HEAD)
        yield f"{block}.attn_output.weight", weight(WIDTH, WIDTH)
        yield f"{block}.ffn_gate.weight", weight(FEED_FORWARD, WIDTH)
        yield f"{block}.ffn_up.weight", weight(FEED_FORWARD, WIDTH)
        yield f"{block}.ffn_down.weight", weight(WIDTH, FEED_FORWARD)
