"""A model kept in another quantisation than it was published in is the same model."""

from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf.quants import dequantize

from engine import requantise
from engine.parity import DRIFT_TOLERANCE
from tests.engine.trained import make
from tests.tiny_models import write_qwen3

ROUNDING = 0.5 / 127 + 2**-11
"""Of a number to a step of Q8_0, and of the step to float16."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_qwen3(tmp_path_factory.mktemp("published") / "tiny.gguf", "Q4_1")


def requantised(source: Path, target: Path) -> Path:
    with target.open("wb") as file:
        requantise.write(source, file, "Q8_0")
    return target


def facts(reader: gguf.GGUFReader) -> dict[str, object]:
    return {name: field.contents() for name, field in reader.fields.items()}


def test_quantised_matrices_change_by_a_rounding_and_all_else_not_at_all(published: Path, tmp_path: Path) -> None:
    before, after = gguf.GGUFReader(published), gguf.GGUFReader(requantised(published, tmp_path / "made.gguf"))
    assert facts(after) == facts(before)
    assert len(after.tensors) == len(before.tensors) > 20
    for old, new in zip(before.tensors, after.tensors, strict=True):
        assert (new.name, list(new.shape)) == (old.name, list(old.shape))
        if old.tensor_type == gguf.GGMLQuantizationType.F32:
            assert np.array_equal(new.data, old.data)
            continue
        assert new.tensor_type == gguf.GGMLQuantizationType.Q8_0
        was, now = (dequantize(one.data, one.tensor_type) for one in (old, new))
        blocks = np.abs(was.reshape(-1, 32)).max(axis=1, keepdims=True)
        assert (np.abs(now - was).reshape(-1, 32) <= 1.01 * ROUNDING * blocks).all()


def test_the_file_says_which_quantisation_it_has(published: Path, tmp_path: Path) -> None:
    named = tmp_path / "named.gguf"
    writer = gguf.GGUFWriter(named, "llama")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    made = gguf.GGUFReader(requantised(named, tmp_path / "made.gguf"))
    assert made.fields["general.file_type"].contents() == gguf.LlamaFileType.MOSTLY_Q8_0


def test_an_adapter_that_learned_on_the_published_file_answers_the_same_on_the_kept_one(
    published: Path, tmp_path: Path
) -> None:
    trained = make(published, tmp_path, strength=0.1)
    model = trained.served()
    kept = replace(model, base=requantised(published, tmp_path / "made.gguf"))
    there, here = trained.verdict(model), trained.verdict(kept)
    assert there.same, there.message
    assert here.same, here.message
    assert here.figures["mean_drift"] < there.figures["mean_drift"] + DRIFT_TOLERANCE / 5
