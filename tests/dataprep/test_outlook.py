"""What training on a file would take, put together: numbers, epochs, cost, minutes, each with its grounds."""

import io
import json
import subprocess
import sys
from pathlib import Path

from dataprep.estimate import Price, load_prices
from dataprep.outlook import Counts, look_ahead

LINE = json.dumps({"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Lit."}]}) + "\n"
FILE = LINE * 20


def test_cost_and_minutes_follow_from_tokens_and_epochs() -> None:
    prices = {"mine": Price("mine", training=10.0)}
    found = look_ahead(io.BytesIO(FILE.encode()), "mine", prices, epochs=2, tokens_per_second=10)
    total = found.statistics.tokens.total
    assert found.statistics.examples == 20
    assert found.cost.usd == 2 * total * 10 / 1_000_000
    assert found.duration.minutes == 2 * total / 10 / 60
    assert found.epochs.formula == "as given"


def test_without_epochs_the_cookbooks_rule_decides_and_is_shown() -> None:
    found = look_ahead(io.BytesIO(FILE.encode()), "m", {})
    assert found.epochs.epochs == 5
    assert "100 // 20" in found.epochs.formula


def test_what_nobody_knows_is_unknown_and_says_why() -> None:
    found = look_ahead(io.BytesIO(FILE.encode()), "smollm2-135m-instruct", {})
    assert found.cost.usd is None
    assert found.duration.minutes is None
    assert "is not known" in found.counted
    assert "no price" in found.cost.formula


def test_on_the_wire_quantiles_have_one_decimal() -> None:
    lines = [LINE.replace("Lit?", "Lit? " * number) for number in range(1, 9)]
    shown = look_ahead(io.BytesIO("".join(lines).encode()), "m", {}).to_wire()["statistics"]
    for name in ("tokens", "characters"):
        assert all(shown[name][key] == round(shown[name][key], 1) for key in ("p5", "p50", "p95"))


def test_on_the_wire_it_is_plain_json_without_the_single_lengths() -> None:
    shown = json.loads(json.dumps(look_ahead(io.BytesIO(FILE.encode()), "gpt-4o-mini", load_prices()).to_wire()))
    assert shown["statistics"]["tokens"]["count"] == 20
    assert shown["statistics"]["roles"] == {"user": 20, "assistant": 20}
    assert sum(one["examples"] for one in shown["statistics"]["histogram"]) == 20
    assert "lengths" not in shown["statistics"]


def test_counts_of_another_take_the_place_of_ours() -> None:
    counts = Counts(list(range(1, 21)), [1] * 20, "by hand")
    found = look_ahead(io.BytesIO(FILE.encode()), "m", {}, epochs=2, tokens_per_second=10, counts=counts)
    assert found.counted == "by hand"
    assert (found.statistics.tokens.total, found.statistics.tokens.most) == (210, 20)
    assert found.statistics.answer_tokens.total == 20
    assert sum(one.examples for one in found.statistics.histogram) == 20
    assert found.duration.minutes == 2 * 210 / 10 / 60
    assert found.cost.tokens == 2 * 210


def test_where_another_has_counted_no_vocabulary_is_loaded() -> None:
    script = (
        "import io, sys; from dataprep.outlook import Counts, look_ahead; "
        f"look_ahead(io.BytesIO({LINE.encode()!r}), 'm', {{}}, counts=Counts([9], [3], 'by hand')); "
        "sys.exit('quicktok' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_counts_that_do_not_fit_the_file_are_left_alone() -> None:
    plain = look_ahead(io.BytesIO(FILE.encode()), "m", {})
    stream = io.BytesIO(b"not of the file\n" + FILE.encode())
    stream.readline()
    assert look_ahead(stream, "m", {}, counts=Counts([5], [1], "by hand")) == plain
