"""Chooses the arithmetic of a run by measuring this machine for some milliseconds; it changes no model."""

import ctypes
import platform
import time
from dataclasses import dataclass

import torch

ROWS, INNER, OUTER = 128, 640, 1536  # a matrix product of the shape that training spends its time in
PATIENCE = 0.05  # seconds that one kind of arithmetic may take up; a slow one shows at once
WORTHWHILE = 1.3  # how much quicker a less exact kind of arithmetic must be to be taken
TOLERANCE = 1e-5  # largest relative error at which `medium` still counts as float32


@dataclass(frozen=True)
class Precision:
    """Type of the frozen weights, torch's float32 matrix product mode, and the attention that is quick with them."""

    name: str
    dtype: torch.dtype
    matmul: str
    attention: str


FP32 = Precision("fp32", torch.float32, "highest", "sdpa")
FP32_MEDIUM = Precision("fp32-medium", torch.float32, "medium", "sdpa")
# torch's CPU flash attention is slow backwards in bfloat16; plain products and a softmax are not.
BF16 = Precision("bf16", torch.bfloat16, "highest", "eager")
BY_NAME = {precision.name: precision for precision in (FP32, FP32_MEDIUM, BF16)}


def choose(exact_only: bool = False) -> Precision:
    """The quickest arithmetic here whose training curve is that of float32 within two per cent.

    `exact_only` leaves out bfloat16: sums over whole answers, whose small differences count, add its errors up.
    """
    plain, _ = _measure(FP32)
    medium, error = _measure(FP32_MEDIUM)
    exact = FP32_MEDIUM if error <= TOLERANCE and medium * 1.1 < plain else FP32
    if exact_only:
        return exact
    half, _ = _measure(BF16)
    return BF16 if half * WORTHWHILE < min(plain, medium if exact is FP32_MEDIUM else plain) else exact


def _measure(precision: Precision) -> tuple[float, float]:
    """Seconds of the quickest of some products, and the largest error relative to float64."""
    use(precision)
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(ROWS, INNER, generator=generator)
    right = torch.randn(INNER, OUTER, generator=generator)
    a, b = left.to(precision.dtype), right.to(precision.dtype)
    seconds = _seconds(a, b)
    exact = left.double() @ right.double()
    error = ((a @ b).double() - exact).abs().max() / exact.abs().max()
    use(FP32)
    return seconds, float(error)


def _seconds(a: torch.Tensor, b: torch.Tensor) -> float:
    timings: list[float] = []
    while sum(timings) < PATIENCE:
        started = time.perf_counter()
        a @ b
        timings.append(time.perf_counter() - started)
    return min(timings)


def use(precision: Precision) -> None:
    """Set torch's float32 matrix product mode."""
    torch.set_float32_matmul_precision(precision.matmul)


def keep_memory() -> None:
    """Ask glibc to keep freed memory instead of returning it: fresh pages cost a step a tenth of its time."""
    if platform.libc_ver()[0] != "glibc":
        return
    mmap_threshold, trim_threshold = -3, -1  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD of malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(mmap_threshold, 32 << 20)
    libc.mallopt(trim_threshold, 2**31 - 1)
