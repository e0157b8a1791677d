"""The choice of arithmetic is made by measuring, and what it measures is true."""

import pytest
import torch

from engine.trainer import precision


def choice(monkeypatch: pytest.MonkeyPatch, **measured: tuple[float, float]) -> str:
    monkeypatch.setattr(precision, "_measure", lambda one: measured[one.name.replace("-", "_")])
    return precision.choose().name


def test_the_quickest_arithmetic_that_is_exact_enough_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choice(monkeypatch, fp32=(1, 0), fp32_medium=(1, 0), bf16=(8, 0)) == "fp32"
    assert choice(monkeypatch, fp32=(1, 0), fp32_medium=(0.5, 1e-6), bf16=(0.45, 0)) == "fp32-medium"
    assert choice(monkeypatch, fp32=(1, 0), fp32_medium=(0.5, 1e-3), bf16=(0.9, 0)) == "fp32"
    assert choice(monkeypatch, fp32=(1, 0), fp32_medium=(0.5, 1e-6), bf16=(0.25, 4e-3)) == "bf16"


def test_a_measurement_leaves_the_matmul_mode_as_it_was_and_sees_rounding() -> None:
    before = torch.get_float32_matmul_precision()
    exact_seconds, exact_error = precision._measure(precision.FP32)
    _, coarse_error = precision._measure(precision.BF16)
    assert exact_seconds > 0
    assert exact_error < precision.TOLERANCE < coarse_error
    assert torch.get_float32_matmul_precision() == before
