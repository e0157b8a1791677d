"""The estimate of how alike two texts are."""

import random
import subprocess
import sys

import pytest

from dataprep.checks.likeness import Likenesses, compare, lasting, take_sample


def words(chance: random.Random, count: int) -> list[str]:
    """So many words out of thousands."""
    return [f"w{chance.randrange(5000)}" for _ in range(count)]


def exactly(one: list[str], other: list[str]) -> float:
    """The Jaccard similarity of groups of three words."""
    first, second = (set(zip(text, text[1:], text[2:], strict=False)) for text in (one, other))
    return len(first & second) / len(first | second)


@pytest.mark.parametrize("changed", [0, 3, 30, 200])
def test_the_estimate_is_near_the_truth(changed: int) -> None:
    one = words(random.Random(1), 400)
    other = [*one[: 400 - changed], *words(random.Random(2), changed)]
    estimate = compare(take_sample(" ".join(one)), take_sample(" ".join(other)))
    assert estimate == pytest.approx(exactly(one, other), abs=0.2)


def test_texts_without_blanks_are_compared_by_letters() -> None:
    text = "灯塔看守人点亮了灯记下风和潮汐然后一直睡到海鸥在天亮时叫醒他为止"
    known = Likenesses()
    assert known.nearest(text, 1) is None
    found = known.nearest(text + "了", 2)
    assert found is not None
    assert found[0] == 1
    assert known.nearest(text[::-1], 3) is None


def test_beyond_its_budget_nothing_is_compared() -> None:
    text = " ".join(words(random.Random(3), 30))
    known = Likenesses(len(text))
    known.nearest(text, 1)
    assert known.nearest(text, 2) is None


def test_a_lasting_sample_is_the_same_in_every_process() -> None:
    text = " ".join(f"w{number}" for number in range(300))
    program = "import sys; from dataprep.checks.likeness import *; print(take_sample(sys.argv[1], lasting)[:9])"
    told = [
        subprocess.run(
            [sys.executable, "-c", program, text], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True
        )
        for seed in "12"
    ]
    assert told[0].stdout == told[1].stdout == f"{take_sample(text, lasting)[:9]}\n"
