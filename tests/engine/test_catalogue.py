"""Base models are found by id, path or hub name, and kept only if their bytes are the right ones."""

import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import catalogue
from engine.catalogue import BaseModel, FetchFailed
from tests.fakes.bare_gguf import BARE

# The hub client keeps what it has in steps of 10 MB, so a resumable download must be larger.
GGUF = BARE + bytes(range(256)) * 50_000


class Hub(http.server.BaseHTTPRequestHandler):
    """One repository, as the hub serves it: the list of its files, HEAD with a file's hash, GET with ranges."""

    protocol_version = "HTTP/1.1"
    content = GGUF
    etag = hashlib.sha256(GGUF).hexdigest()
    files: tuple[str, ...] = ("model.gguf",)
    served: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/owner/repo/tree/main"):
            self._list()
        else:
            self._answer(with_body=True)

    def _list(self) -> None:
        body = json.dumps([{"type": "file", "path": file, "size": 1, "oid": "0" * 40} for file in self.files]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, with_body: bool) -> None:
        start = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        self.served.append(f"{self.command} {start}")
        found = self.path.removeprefix("/owner/repo/resolve/main/") in self.files
        body = self.content[start:] if found else b"{}"
        self.send_response((206 if start else 200) if found else 404)
        self.send_header("Content-Length", str(len(body)))
        if found:
            self.send_header("ETag", f'"{self.etag}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Range", f"bytes {start}-{len(GGUF) - 1}/{len(GGUF)}")
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing; pytest's output is for failures."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    handler = type("ThisHub", (Hub,), {"served": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    import huggingface_hub.constants as constants

    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    yield handler
    server.shutdown()
    server.server_close()


def test_the_default_model_is_in_the_catalogue_with_its_hash() -> None:
    model = catalogue.default_catalogue()["smollm2-135m-instruct"]
    assert model.licence == "Apache-2.0"
    assert model.sha256 is not None


def test_a_path_to_a_gguf_is_a_base_model(tmp_path: Path) -> None:
    (tmp_path / "My Model.Q8_0.gguf").write_bytes(GGUF)
    model = catalogue.find(str(tmp_path / "My Model.Q8_0.gguf"), {})
    assert model.id == "my-model.q8-0"
    assert catalogue.fetch(model, tmp_path / "models") == tmp_path / "My Model.Q8_0.gguf"


def test_a_hub_name_is_a_base_model() -> None:
    model = catalogue.find("Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf", {})
    assert (model.id, model.source) == ("qwen3-0.6b-q8-0", "hf:Qwen/Qwen3-0.6B-GGUF")


def test_a_repository_is_a_base_model_too() -> None:
    model = catalogue.find("Qwen/Qwen3-0.6B-GGUF", {})
    assert (model.id, model.source, model.owner) == ("qwen3-0.6b-gguf", "hf:Qwen/Qwen3-0.6B-GGUF", "Qwen")
    other = catalogue.find("Somebody/Qwen3-0.6B-GGUF", {})
    assert catalogue.local_path(model, Path("m")) != catalogue.local_path(other, Path("m"))


@pytest.mark.parametrize("name", ["nothing-like-it", "./gone.gguf", "/gone.gguf", "../a/b.gguf", "a/b.bin"])
def test_another_name_is_refused_with_what_it_may_be(name: str) -> None:
    with pytest.raises(LookupError, match="is no base model: give one of"):
        catalogue.find(name, catalogue.default_catalogue())


def test_settings_name_a_base_and_its_aliases() -> None:
    base, known, aliases = catalogue.named("smollm2-135m-instruct", "gpt-4o-mini mine=smollm2-135m-instruct")
    assert known[base.id] == base
    assert aliases == {"gpt-4o-mini": base.id, "mine": base.id}
    with pytest.raises(LookupError, match="BASE_MODEL: 'nope'"):
        catalogue.named("nope", "")
    with pytest.raises(LookupError, match="MODEL_ALIASES: 'x=nope'"):
        catalogue.named("smollm2-135m-instruct", "x=nope")


def test_a_model_of_the_hub_is_fetched_whole(hub: type[Hub], tmp_path: Path) -> None:
    model = BaseModel(id="m", source="hf:owner/repo", file="model.gguf")
    assert catalogue.fetch(model, tmp_path).read_bytes() == GGUF
    fetched = len(hub.served)
    catalogue.fetch(model, tmp_path)
    assert len(hub.served) == fetched


def test_a_broken_download_is_resumed(hub: type[Hub], tmp_path: Path) -> None:
    model = BaseModel(id="m", source="hf:owner/repo", file="model.gguf")
    whole = Hub.do_GET

    def break_off(self: Hub) -> None:
        self.served.append("GET broken")
        self.send_response(200)
        self.send_header("Content-Length", str(len(GGUF)))
        self.end_headers()
        self.wfile.write(GGUF[:11_000_000])
        self.close_connection = True
        type(self).do_GET = functools.partialmethod(whole)  # type: ignore[assignment]

    hub.do_GET = break_off  # type: ignore[method-assign]
    assert catalogue.fetch(model, tmp_path).read_bytes() == GGUF
    assert any(one.startswith("GET ") and one not in ("GET 0", "GET broken") for one in hub.served), hub.served


def test_a_model_of_embeddings_is_no_base_model() -> None:
    with pytest.raises(LookupError, match="BASE_MODEL: 'all-minilm-l6-v2' makes embeddings"):
        catalogue.named("all-minilm-l6-v2", "")
    _, bases, aliases = catalogue.named("smollm2-135m-instruct", "text-embedding-3-small=all-minilm-l6-v2")
    assert bases[aliases["text-embedding-3-small"]].embeds


def test_bytes_of_another_hash_are_not_kept(hub: type[Hub], tmp_path: Path) -> None:
    model = BaseModel(id="m", source="hf:owner/repo", file="model.gguf", sha256="0" * 64)
    with pytest.raises(FetchFailed, match="sha256"):
        catalogue.fetch(model, tmp_path)
    assert not catalogue.local_path(model, tmp_path).exists()


def test_wrong_bytes_are_fetched_anew(hub: type[Hub], tmp_path: Path) -> None:
    model = BaseModel(id="m", source="hf:owner/repo", file="model.gguf")
    hub.content = GGUF[:-1] + b"?"
    with pytest.raises(FetchFailed, match="not kept"):
        catalogue.fetch(model, tmp_path)
    hub.content = GGUF
    assert catalogue.fetch(model, tmp_path).read_bytes() == GGUF


def test_a_file_the_hub_lacks_is_said(hub: type[Hub], tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"other\.gguf"):
        catalogue.fetch(BaseModel(id="m", source="hf:owner/repo", file="other.gguf"), tmp_path)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["README.md", "sub/model-Q2_K.gguf"], "sub/model-Q2_K.gguf"),
        (["m.Q4_K_M.gguf", "m.q8_0.gguf", "m-f16.gguf"], "m.q8_0.gguf"),
        (["m-Q4_K_M.gguf", "m-bf16.gguf", "mmproj-f16.gguf", "m-Q8_0-00001-of-00002.gguf"], "m-bf16.gguf"),
        (["m-IQ4_0.gguf", "m-Q4_0.gguf", "m-Q4_0_8_8.gguf"], "m-Q4_0.gguf"),
    ],
)
def test_a_repositorys_gguf_is_the_only_one_or_the_best_quantised(files: list[str], chosen: str) -> None:
    assert catalogue.choose(files, "owner/repo") == chosen


@pytest.mark.parametrize(
    "files",
    [
        ["a-Q8_0.gguf", "b-Q8_0.gguf"],
        ["m-IQ1_S.gguf", "m-IQ2_S.gguf"],
        ["m-00001-of-00002.gguf"],
    ],
)
def test_a_repository_that_does_not_tell_which_gguf_is_refused_with_their_names(files: list[str]) -> None:
    with pytest.raises(FetchFailed) as refused:
        catalogue.choose(files, "owner/repo")
    assert all(file in str(refused.value) for file in files if file.endswith(".gguf"))
    assert "name one as owner/repo/FILE" in str(refused.value)


def test_a_repository_without_a_gguf_is_refused_with_the_way_out() -> None:
    with pytest.raises(FetchFailed, match=r"no GGUF file.*owner/repo-GGUF"):
        catalogue.choose(["model.safetensors", "config.json"], "owner/repo")


def test_a_repository_is_fetched_and_then_known_without_the_hub(hub: type[Hub], tmp_path: Path) -> None:
    hub.files = ("README.md", "model-Q4_0.gguf", "model-Q8_0.gguf")
    model = catalogue.find("owner/repo", {})
    assert catalogue.fetch(model, tmp_path).read_bytes() == GGUF
    hub.files = ()
    assert catalogue.fetch(catalogue.find("owner/repo", {}), tmp_path).read_bytes() == GGUF
