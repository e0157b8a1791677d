"""Figures in the guides are those of the code, in both languages."""

import re
from pathlib import Path

import pytest

from engine import parity
from engine.catalogue import default_catalogue
from engine.trainer import recipe
from services.models import shut_down_on
from tests.guides import CHINESE, DOCS, ROOT
from wire import auto


def constant(module: str, name: str) -> int:
    """A number of the trainer's, read and not imported: that would load torch."""
    found = re.search(rf"^{name} = (\d+)", (ROOT / module).read_text(encoding="utf-8"), re.MULTILINE)
    assert found, name
    return int(found[1])


RANK, ALPHA = (constant("engine/trainer/lora.py", name) for name in ("RANK", "ALPHA"))
TOKENS = constant("engine/trainer/parity.py", "ANSWER_TOKENS")
FACTS = [
    ("explanation/lora.md", f"| {RANK} |"),
    ("explanation/lora.md", f"| {ALPHA} |"),
    ("explanation/lora.md", f"alpha / rank = {ALPHA // RANK}"),
    ("explanation/lora.md", f"| {recipe.PEAK_LEARNING_RATE:g} |"),
    ("explanation/train-is-serve.md", f"{parity.DRIFT_TOLERANCE:g}"),
    ("explanation/train-is-serve.md", f"{parity.TIE_TOLERANCE}"),
    ("explanation/train-is-serve.md", f" {TOKENS} "),
    ("how-to/openai.md", f"{shut_down_on('gpt-4.1-mini-2025-04-14')}"),
    ("explanation/upstreams.md", f"{shut_down_on('gpt-4.1-mini-2025-04-14')}"),
]


@pytest.mark.parametrize("folder", [DOCS, CHINESE], ids=["en", "zh"])
@pytest.mark.parametrize(("page", "fact"), FACTS)
def test_a_figure_is_the_codes(folder: Path, page: str, fact: str) -> None:
    assert fact in (folder / page).read_text(encoding="utf-8")


def table(page: Path, *beginning: str) -> list[list[str]]:
    """The cells of the rows that begin with one of these words."""
    lines = (line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| "))
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [row for row in rows if row[0].startswith(beginning)]


@pytest.mark.parametrize("folder", [DOCS, CHINESE], ids=["en", "zh"])
def test_what_auto_does_is_what_it_does(folder: Path) -> None:
    rows = [row for row in table(folder / "explanation" / "lora.md", "") if len(row) == 4 and row[1].isdigit()]
    assert len(rows) == 4
    for row, (least, most) in zip(rows, ((1, 23), (24, 99), (100, 999), (1000, 100_000)), strict=True):
        for count in (least, most):
            assert (str(auto.batch_size(count)), f"{auto.multiplier(count):g}") == (row[1], row[3])
        if least >= 1000:
            assert [auto.epochs(count, 10_000) for count in (1000, 4999, 5000)] == [2, 2, 1]
        else:
            wanted, fewest = (int(number) for number in re.findall(r"\d+", row[2]))
            assert auto.epochs(least, 10_000) == auto.epochs(most, 10_000) == fewest
            assert auto.epochs(least, 4) == max(fewest, round(wanted / 4))
    assert f" {auto.epochs(1, 1)} " in (folder / "explanation" / "lora.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", [DOCS, CHINESE], ids=["en", "zh"])
def test_the_memory_of_base_models_is_the_catalogues(folder: Path) -> None:
    told = {row[0].split("`")[1]: row[1] for row in table(folder / "how-to" / "gpu.md", "`")}
    bases = {name: model for name, model in default_catalogue().items() if not model.embeds}
    assert told == {name: f"{model.memory_mb // 1000} GB" for name, model in bases.items()}


def test_training_uses_no_graphics_card_as_the_guide_says() -> None:
    trainer = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "engine" / "trainer").glob("*.py"))
    assert re.findall(r"\bcuda\b|\bmps\b|\.to\(\s*[\"']|device=|Accelerator", trainer) == []
