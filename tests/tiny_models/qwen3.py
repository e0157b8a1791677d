"""A random Qwen 3: heads wider than width / heads, q and k normed, byte-level BPE, ChatML with a place to think."""

from pathlib import Path

from tests.tiny_models.parts import (
    CONTROL,
    NORMAL,
    USER_DEFINED,
    Shape,
    add_vocabulary,
    begin,
    decoder,
    finish,
    learn_byte_merges,
)

SHAPE = Shape()
NORMS = ("attn_norm", "ffn_norm")
ADDED = {"<|endoftext|>": CONTROL, "<|im_start|>": CONTROL, "<|im_end|>": CONTROL} | dict.fromkeys(
    ("<tool_call>", "</tool_call>", "<think>", "</think>"), USER_DEFINED
)
# Qwen/Qwen3-0.6B's own, but for the lines on tools: the last answer, and it alone, opens with an empty thought.
TEMPLATE = """\
{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""  # noqa: E501


def write_qwen3(path: Path, kind: str = "F32", tied: bool = True) -> Path:
    """Write it with matrices of `kind`; unless `tied`, with an output matrix apart from the embeddings."""
    writer = begin(path, "qwen3", SHAPE)
    writer.add_rope_freq_base(1_000_000.0)
    pieces, merges = learn_byte_merges(600)
    vocabulary = dict.fromkeys(pieces, NORMAL) | ADDED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    add_vocabulary(writer, vocabulary, {"bos": "<|endoftext|>", "eos": "<|im_end|>", "pad": "<|endoftext|>"})
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    finish(writer, decoder(SHAPE, len(vocabulary), NORMS, tied), kind)
    return path
