"""A random Gemma 3: five layers that see a window to one that sees all, SentencePiece with bytes, two end tokens."""

from pathlib import Path

import gguf

from tests.tiny_models.parts import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    USER_DEFINED,
    Shape,
    add_vocabulary,
    begin,
    decoder,
    finish,
    learn_pieces,
)

SHAPE = Shape(layers=6, kv_heads=1)
NORMS = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
WINDOW = 12  # tokens, fewer than any question has
ADDED = {
    "<pad>": CONTROL,
    "<eos>": CONTROL,
    "<bos>": CONTROL,
    "<unk>": UNKNOWN,
    "<mask>": USER_DEFINED,
    "<start_of_turn>": CONTROL,
    "<end_of_turn>": CONTROL,
}
# Runs of line ends and of spaces are tokens that no merging makes; in files they are spelled as they are.
RUNS = (
    ["\n" * length for length in range(2, 7)] + [" " * length for length in range(2, 9)] + ["\t\t", "<table>", "</i>"]
)
# google/gemma-3-1b-it's own, but for pictures: the system's words go before the first question.
TEMPLATE = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""


def write_gemma3(path: Path, kind: str = "F32", tied: bool = True, stretched: float = 0) -> Path:
    """Write it with matrices of `kind`, and `stretched` so many times the positions of the layer that sees all."""
    writer = begin(path, "gemma3", SHAPE)
    writer.add_rope_freq_base(1_000_000.0)
    if stretched:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(stretched)
    writer.add_sliding_window(WINDOW)
    vocabulary = _vocabulary()
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    add_vocabulary(writer, vocabulary, {"bos": "<bos>", "eos": "<eos>", "unk": "<unk>", "pad": "<pad>"})
    writer.add_eot_token_id(list(vocabulary).index("<end_of_turn>"))
    first = list(vocabulary).index("<0xFF>") + 1
    kinds = enumerate(vocabulary.values())
    writer.add_token_scores([float(first - place) if kind == NORMAL else -1000.0 for place, kind in kinds])
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)
    finish(writer, decoder(SHAPE, len(vocabulary), NORMS, tied), kind)
    return path


def _vocabulary() -> dict[str, gguf.TokenType]:
    runs = dict.fromkeys(RUNS, USER_DEFINED)
    in_bytes = {f"<0x{byte:02X}>": BYTE for byte in range(256)}
    pieces = [piece for piece in learn_pieces(700) if piece not in runs and piece.replace("\u2581", " ") not in runs]
    return ADDED | runs | in_bytes | dict.fromkeys(pieces, NORMAL)
