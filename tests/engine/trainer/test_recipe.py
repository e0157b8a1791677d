"""The hyperparameters that `auto` stands for."""

import pytest

from engine.trainer.recipe import (
    Recipe,
    Requested,
    batches,
    cut_in_words,
    in_words,
    learning_rate,
    leaves_out_system,
    settle,
)


@pytest.mark.parametrize(("examples", "n_epochs"), [(1, 24), (2, 24), (4, 12), (6, 10), (12, 10), (23, 10)])
def test_auto_takes_tiny_sets_in_pairs_at_three_times_the_rate(examples: int, n_epochs: int) -> None:
    recipe = settle(Requested(), examples)
    assert (recipe.n_epochs, recipe.batch_size, recipe.learning_rate_multiplier) == (n_epochs, 2, 3)


@pytest.mark.parametrize(("examples", "batch_size", "n_epochs"), [(60, 4, 6), (300, 8, 3), (4000, 8, 2), (9000, 8, 1)])
def test_auto_gives_larger_sets_larger_batches_and_fewer_epochs(examples: int, batch_size: int, n_epochs: int) -> None:
    recipe = settle(Requested(), examples)
    assert (recipe.batch_size, recipe.n_epochs, recipe.learning_rate_multiplier) == (batch_size, n_epochs, 1)


def test_what_was_asked_for_is_kept_and_the_rest_fits_it() -> None:
    asked = settle(Requested(n_epochs=7, batch_size=None, learning_rate_multiplier=0.5), 60)
    assert (asked.n_epochs, asked.batch_size, asked.learning_rate_multiplier) == (7, 4, 0.5)
    assert asked.peak_learning_rate == pytest.approx(2.5e-4)
    large_batch = settle(Requested(batch_size=30), 60)
    assert large_batch.steps_per_epoch == 2
    assert large_batch.n_epochs > settle(Requested(), 60).n_epochs


def test_the_learning_rate_rises_then_falls_and_never_reaches_zero() -> None:
    recipe = Recipe(n_epochs=10, batch_size=2, learning_rate_multiplier=1, steps_per_epoch=10)
    rates = [learning_rate(recipe, step) for step in range(1, recipe.total_steps + 1)]
    peak = rates.index(max(rates))
    assert rates[peak] == recipe.peak_learning_rate
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert min(rates) > 0


def test_a_run_of_one_step_takes_it_at_the_full_rate() -> None:
    recipe = settle(Requested(n_epochs=1), 1)
    assert learning_rate(recipe, 1) == recipe.peak_learning_rate


def test_batches_hold_every_row_once_and_depend_on_seed_and_epoch_alone() -> None:
    lengths = [(row * 37) % 200 for row in range(101)]
    first = batches(lengths, 8, seed=3, epoch=1)
    assert sorted(row for batch in first for row in batch) == list(range(101))
    assert first == batches(lengths, 8, seed=3, epoch=1)
    assert first != batches(lengths, 8, seed=3, epoch=2)
    assert first != batches(lengths, 8, seed=4, epoch=1)


def test_batches_hold_rows_of_like_length() -> None:
    lengths = [(row * 37) % 200 for row in range(400)]
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches(lengths, 8, 1, 1))
    assert padded < 1.1 * sum(lengths)


def test_the_plan_in_words_says_what_was_chosen_and_what_was_cut() -> None:
    requested = Requested(n_epochs=3)
    words = in_words(settle(requested, 12), requested, 12, cut_in_words(truncated=2, left_out=3))
    assert "3 left out" in words
    assert "12 examples" in words
    assert "3 epochs" in words
    assert "batch_size, learning_rate_multiplier chosen automatically" in words
    assert "2 too long" in words


def test_rows_of_small_sets_leave_their_system_message_out_every_second_time() -> None:
    assert [leaves_out_system(12, row=0, epoch=epoch) for epoch in (1, 2, 3, 4)] == [False, True, False, True]
    assert [leaves_out_system(12, row=row, epoch=1) for row in (0, 1, 2)] == [False, True, False]
    assert not any(leaves_out_system(60, row, epoch) for row in (0, 1) for epoch in (1, 2))


@pytest.mark.parametrize(("pairs", "epochs"), [(2, 10), (8, 3), (16, 3), (999, 3), (1000, 2), (5000, 1)])
def test_pairs_are_trained_gently(pairs: int, epochs: int) -> None:
    settled = settle(Requested(), pairs, pairs=True)
    assert (settled.n_epochs, settled.learning_rate_multiplier, settled.beta) == (epochs, 0.2, 0.1)
    assert settled.hyperparameters["beta"] == 0.1
    assert "beta" not in settle(Requested(), pairs).hyperparameters
    words = in_words(settled, Requested(n_epochs=epochs), pairs)
    assert f"{pairs} pairs" in words
    assert "and a beta of 0.1 (batch_size, learning_rate_multiplier, beta chosen automatically)" in words
