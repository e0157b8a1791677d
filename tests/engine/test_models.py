"""Names: ids, aliases, fine-tuned models; a base that is not there yet is said, not hidden."""

from pathlib import Path

import pytest

from engine.catalogue import BaseModel
from engine.models import Models
from engine.store import MODELS, Store
from tests.fakes.bare_gguf import BARE
from wire.errors import ApiError, NotFound, Unavailable

TUNED = "ft:base:acme:suffix:12345678"


@pytest.fixture
def models(tmp_path: Path) -> Models:
    (tmp_path / "base.gguf").write_bytes(BARE)
    base = BaseModel(id="base", source=f"path:{tmp_path}", file="base.gguf", owner="maker")
    absent = BaseModel(id="absent", source=f"path:{tmp_path}", file="absent.gguf")
    store = Store(tmp_path / "facts.sqlite3")
    (tmp_path / "jobs" / "j" / "adapter").mkdir(parents=True)
    (tmp_path / "jobs" / "j" / "adapter" / "adapter.gguf").write_bytes(b"GGUF")
    row = {"id": TUNED, "job_id": "j", "base": "base", "created_at": 5, "adapter": "jobs/j/adapter/adapter.gguf"}
    store.insert({MODELS: [row]})
    aliases = {"gpt-3.5-turbo-1106": "base", "other": "absent"}
    return Models(store, {"base": base, "absent": absent}, base, aliases, tmp_path)


def test_an_alias_names_the_model_that_really_answers(models: Models) -> None:
    assert models.resolve("gpt-3.5-turbo-1106").name == "base"
    assert models.retrieve("gpt-3.5-turbo-1106")["id"] == "base"


def test_a_fine_tuned_model_is_its_base_and_its_adapter(models: Models, tmp_path: Path) -> None:
    served = models.resolve(TUNED)
    assert (served.name, served.base, served.adapter) == (
        TUNED,
        tmp_path / "base.gguf",
        tmp_path / "jobs" / "j" / "adapter" / "adapter.gguf",
    )


def test_models_are_made_ready_only_of_a_base_that_is_served(models: Models, tmp_path: Path) -> None:
    base = tmp_path / "base.gguf"
    assert [model.name for model in models.family(base, 9)] == ["base", TUNED]
    base.write_bytes(b"GGUF, but no header follows")
    assert models.family(base, 9) == []


def test_an_unknown_model_is_404_in_openais_words(models: Models) -> None:
    with pytest.raises(NotFound, match="The model `nope` does not exist or you do not have access") as missing:
        models.resolve("nope")
    assert missing.value.code == "model_not_found"


def test_a_base_that_is_being_fetched_is_503_with_a_time_to_come_back(models: Models, tmp_path: Path) -> None:
    (tmp_path / "base.gguf").unlink()
    with pytest.raises(Unavailable) as absent:
        models.resolve("base")
    assert absent.value.headers["Retry-After"] == "5"


def test_a_base_that_was_never_pulled_is_404_and_says_how_to_get_it(models: Models) -> None:
    with pytest.raises(NotFound, match="python -m engine pull absent"):
        models.resolve("other")


def test_every_model_on_this_machine_is_listed_with_its_owner(models: Models) -> None:
    owners = {one["id"]: one["owned_by"] for one in models.list()["data"]}
    assert owners == {TUNED: "acme", "base": "maker"}


def test_deleting_removes_name_and_weights_but_never_a_base(models: Models, tmp_path: Path) -> None:
    assert models.resolve(TUNED).name == TUNED
    assert models.delete(TUNED)["deleted"]
    with pytest.raises(NotFound):
        models.resolve(TUNED)
    assert not (tmp_path / "jobs" / "j" / "adapter").exists()
    with pytest.raises(NotFound):
        models.retrieve(TUNED)
    with pytest.raises(ApiError) as refused:
        models.delete("base")
    assert refused.value.status == 403
