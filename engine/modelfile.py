"""The Modelfile by which Ollama serves a base model with an adapter; it renders no template.

Ollama reads no Jinja: it guesses the form of a prompt from a GGUF only if its template is nearly one that it knows.
So the form is said here for the three families that are trained, told apart by the marks in the model's own template.
"""

import re
from pathlib import Path

from engine import model_file
from engine.templates import TEMPLATE

# By a mark of the family: what Ollama puts around each turn (Go's text/template), and where an answer ends.
_FAMILIES = {
    "<|im_start|>": (
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n",
        ("<|im_end|>",),
    ),
    "<|start_header_id|>": (
        "{{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>{{ end }}"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ("<|eot_id|>",),
    ),
    "<start_of_turn>": (
        "{{- range .Messages }}<start_of_turn>"
        '{{ if eq .Role "assistant" }}model{{ else }}user{{ end }}\n{{ .Content }}<end_of_turn>\n{{ end }}'
        "<start_of_turn>model\n",
        ("<end_of_turn>",),
    ),
}
# What a ChatML template says for a system that a conversation has not got, as SmolLM2's and Qwen2.5's do; the model
# was trained behind it.
_UNASKED_SYSTEM = re.compile(r"<\|im_start\|>system(?:\\n|\n)([^{}'\"<>]+?)<\|im_end\|>")
_HOW = "# Unpack this archive, then in its folder: ollama create my-model -f Modelfile && ollama run my-model"


def write(name: str, base: Path, base_file: str, adapter_file: str) -> str:
    """Return the Modelfile of the model `name`; the files are what stands beside it."""
    template = str(model_file.facts(base).get(TEMPLATE, ""))
    lines = [f"# {name}", _HOW, f"FROM ./{base_file}", f"ADAPTER ./{adapter_file}"]
    form, ends = next((family for mark, family in _FAMILIES.items() if mark in template), ("", ()))
    if form:
        lines.append(f'TEMPLATE """{form}"""')
    if unasked := _UNASKED_SYSTEM.search(template):
        lines.append(f'SYSTEM """{unasked[1].replace(chr(92) + "n", chr(10))}"""')
    lines += [f'PARAMETER stop "{end}"' for end in ends]
    return "\n".join(lines) + "\n"
