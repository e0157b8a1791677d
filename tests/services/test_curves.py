"""A long curve is thinned without losing its ends or what was validated."""

from services.curves import Point, thinned


def curve(steps: int, every: int) -> list[Point]:
    """As many steps, every n-th of them validated."""
    rest = {"train_accuracy": None, "valid_mean_token_accuracy": None}
    return [
        {"step": n, "train_loss": 1.0, "valid_loss": None if n % every else 1.1, **rest} for n in range(1, steps + 1)
    ]


def test_a_short_curve_is_left_as_it_is() -> None:
    assert thinned(curve(5, 2), 5) == curve(5, 2)
    assert thinned([], 5) == []


def test_a_long_one_keeps_its_ends_and_its_validated_steps() -> None:
    steps = [point["step"] for point in thinned(curve(1000, 97), 100)]
    assert (steps[0], steps[-1]) == (1, 1000)
    assert set(range(97, 1001, 97)) <= set(steps)
    assert len(steps) <= 100 + 10 + 1


def test_where_every_step_is_validated_none_is_dearer_than_another() -> None:
    assert len(thinned(curve(1000, 1), 100)) == 101
