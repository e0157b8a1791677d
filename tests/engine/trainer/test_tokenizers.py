"""Texts of every kind have the same token ids in training and in serving, whatever the vocabulary."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.serving.process import ModelProcess, ServedModel, ServerSettings
from engine.trainer.base_model import load_tokenizer
from tests.tiny_models import write_gemma3, write_qwen3, write_tiny_gguf
from tests.tiny_models.parts import CORPUS

TEXTS = [
    *("", " ", "  ", "a  b   c    d", " leading", "trailing ", " " * 9, "x" + " " * 17 + "y"),
    *("\n", "\n\n", "\n" * 9, " \n \n", "\r\n\r\n", "a\rb", "\t", "\t\t\t a", "word\n\n\n word"),
    *("12 123 1234567890", "3.14159, 1e-5", "١٢٣ ४५६", "x²+y³=½"),
    *("don't DON'T we'll", "Hello, world!!!\n\nNew?", "...---___***", "a" * 50),
    *("灯塔在海边，灯亮了。蜂蜜！", "日本語のテキスト、한국어 텍스트", "مرحبا بالعالم", "Привет, мир!"),
    *(
        "🐝🐝👩‍🚀🏳️‍🌈 ok",
        "e\u0301 é ｆｕｌｌ",
        "ÀÉÎÕÜ ß ı İ",
        "ﬁ ligature",
        "\u00a0nbsp\u2003em\u200bzw",
        "\U0010ffff\ufffd",
    ),
    *("\u2581 \u2581\u2581x", "<0x0A>", "<b>bold</b><table></i>", "<think>\n\n</think>\n\nyes", "<end_of_turn>"),
    "def f(x):\n    return x\n\n\n\tif y:\r\n\t\tpass\r\n",
]
BRICKS = [*"ab e\n\t 12灯é🐝'.<\u2581", *CORPUS[:4], "the ", "  ", "\n\n", "lamp"]


def mixtures(count: int) -> Iterator[str]:
    """Texts put together by chance, the same each time."""
    chance = random.Random(3)
    for _ in range(count):
        bricks = (chance.choice(BRICKS)[: chance.randint(1, 40)] for _ in range(chance.randint(1, 12)))
        yield "".join(bricks)


@pytest.mark.parametrize("write", [write_tiny_gguf, write_qwen3, write_gemma3])
def test_training_and_serving_cut_texts_alike(write: Callable[[Path], Path], tmp_path: Path) -> None:
    base = write(tmp_path / "base.gguf")
    tokenizer = load_tokenizer(base)
    server = ModelProcess(ServedModel("base", base), ServerSettings(64, 1, 1), tmp_path / "log")
    server.start()
    try:
        for text in (*TEXTS, *mixtures(150)):
            for whole in (False, True):
                asked: dict[str, Any] = {"content": text, "add_special": whole, "parse_special": True}
                served = server.ask("/tokenize", asked)["tokens"]
                assert tokenizer(text, add_special_tokens=whole)["input_ids"] == served, repr(text)
    finally:
        server.stop()
