"""Fine-tuned models for use elsewhere: the adapter as GGUF or in peft's format, or with its base for Ollama.

Bytes come piece by piece from open files, so that memory stays flat and a deletion meanwhile harms nothing.
"""

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO

from engine import durable, modelfile
from engine.models import Models
from engine.serving.process import ServedModel
from wire.errors import BadRequest, ServerFault

FORMATS = ("gguf", "peft", "ollama")
_OF_PEFT = ("adapter_config.json", "adapter_model.safetensors")
_ABOUT_PEFT = """# {name}

A LoRA adapter in peft's format, trained on the weights of `{file}`, which are not in this archive:

    base = transformers.AutoModelForCausalLM.from_pretrained(FOLDER_OF_THE_BASE, gguf_file="{file}")
    model = peft.PeftModel.from_pretrained(base, THIS_FOLDER)
"""
_BLOCK = 256 * 1024
_END = bytes(2 * tarfile.BLOCKSIZE)


class Export(Iterator[bytes]):
    """A file of `size` bytes called `label`, read from streams one after the other; closing it closes them."""

    def __init__(self, label: str, streams: Sequence[BinaryIO]) -> None:
        self.label = label
        self.size = sum(_size(stream) for stream in streams)
        self._streams = streams
        self._pieces = (piece for stream in streams for piece in iter(partial(stream.read, _BLOCK), b""))

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Let go of the files, whether or not they were read."""
        for stream in self._streams:
            stream.close()


def export(models: Models, name: str, form: str) -> Export:
    """Return the fine-tuned model `name` in one of FORMATS.

    Raises:
        BadRequest: 400, no such format (invalid_value), or a base model (not_fine_tuned).
        ServerFault: 500 model_load_failed, its files are missing or not those that were published.
        ApiError: as `Models.resolve`.
    """
    if form not in FORMATS:
        message = f"Invalid value for 'format': {form!r:.80}. It must be one of {', '.join(FORMATS)}."
        raise BadRequest(message, code="invalid_value", param="format")
    model = models.resolve(name)
    if model.adapter is None:
        message = f"The model `{model.name}` is a base model; only fine-tuned ones are exported."
        raise BadRequest(message, code="not_fine_tuned", param="model")
    label = model.name.replace(":", "-")
    try:
        _require_published(model)
        if form == "gguf":
            return Export(f"{label}.gguf", [model.adapter.open("rb")])
        members = _of_peft(model, model.adapter) if form == "peft" else _of_ollama(model, model.adapter)
        return Export(f"{label}-{form}.tar", _tar(members))
    except FileNotFoundError as missing:
        raise _damaged(name, f"{Path(missing.filename).name} is missing") from None


def _require_published(model: ServedModel) -> None:
    """Refuse an adapter that is another than the one that was proven."""
    assert model.adapter is not None
    if model.adapter_sha256 not in (None, durable.sha256(model.adapter)):
        raise _damaged(model.name, "its adapter is not the one that was published")


def _of_peft(model: ServedModel, adapter: Path) -> dict[str, BinaryIO]:
    """The adapter's folder as peft loads it, safetensors and no pickle."""
    told = _ABOUT_PEFT.format(name=model.name, file=model.base.name)
    return {**_opened({name: adapter.with_name(name) for name in _OF_PEFT}), "README.md": BytesIO(told.encode())}


def _of_ollama(model: ServedModel, adapter: Path) -> dict[str, BinaryIO]:
    """What `ollama create NAME -f Modelfile` needs: the base model too, for an adapter alone answers nothing."""
    paths = {"base.gguf": model.base, "adapter.gguf": adapter}
    text = modelfile.write(model.name, model.base, *paths)
    return {"Modelfile": BytesIO(text.encode()), **_opened(paths)}


def _opened(paths: Mapping[str, Path]) -> dict[str, BinaryIO]:
    """All of them or none."""
    with ExitStack() as held:
        opened: dict[str, BinaryIO] = {name: held.enter_context(path.open("rb")) for name, path in paths.items()}
        held.pop_all()
    return opened


def _tar(members: Mapping[str, BinaryIO]) -> list[BinaryIO]:
    """The parts of an archive of these files: before each its header, after it zeros up to a whole block."""
    parts: list[BinaryIO] = []
    for name, stream in members.items():
        info = tarfile.TarInfo(name)
        info.size = _size(stream)
        parts += [BytesIO(info.tobuf(tarfile.GNU_FORMAT)), stream, BytesIO(bytes(-info.size % tarfile.BLOCKSIZE))]
    return [*parts, BytesIO(_END)]


def _size(stream: BinaryIO) -> int:
    size = stream.seek(0, SEEK_END)
    stream.seek(0)
    return size


def _damaged(name: str, why: str) -> ServerFault:
    message = f"The model `{name}` cannot be exported: {why} on the server's disk; restore DATA_DIR from a backup."
    return ServerFault(message, code="model_load_failed")
