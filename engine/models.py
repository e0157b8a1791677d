"""Models by name: base models, their aliases, and what was fine-tuned from them. Running them is `serving`'s matter."""

import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import catalogue
from engine.architectures import Unsupported
from engine.catalogue import BaseModel
from engine.fetching import Fetches
from engine.serving.process import ServedModel
from engine.store import MODELS, Record, Store
from wire.errors import ApiError, BadRequest, NotFound, Unavailable


class Models:
    """Resolves the names callers use; fetches what comes unasked in the background when it is not there yet."""

    def __init__(
        self,
        store: Store,
        bases: Mapping[str, BaseModel],
        default: BaseModel,
        aliases: Mapping[str, str],
        data_dir: Path,
    ) -> None:
        self.default = default
        self._store = store
        self._bases = bases
        self._aliases = aliases
        self._data_dir = data_dir
        self._rows: dict[str, Record] = {}
        self._supported: dict[BaseModel, tuple[int, int]] = {}
        self._knowing = threading.Lock()
        self.fetches = Fetches(data_dir / "models")

    def base_of(self, name: str) -> BaseModel | None:
        """Return the base model behind a base's name, an alias or a fine-tuned model's name, or None."""
        return self._base_behind(name, self._tuned_model(name))

    def known_base(self, name: str) -> BaseModel:
        """Return what `base_of` does, if it writes.

        Raises:
            NotFound: 404 model_not_found.
            BadRequest: 400 unsupported_model, it makes embeddings.
        """
        base = self._known(name)
        if base.embeds:
            raise _unsupported(f"The model `{base.id}` makes embeddings (POST /v1/embeddings); it writes no texts.")
        return base

    def embedder(self, name: str) -> BaseModel:
        """Return the model that makes embeddings behind a name or an alias.

        Raises:
            NotFound: 404 model_not_found.
            BadRequest: 400 unsupported_model, it writes.
        """
        base = self._known(name)
        if not base.embeds:
            known = ", ".join(one.id for one in self._bases.values() if one.embeds)
            raise _unsupported(f"The model `{name}` makes no embeddings; a model that does: {known}.")
        return base

    def adapter_of(self, name: str) -> Path | None:
        """Return the adapter's GGUF of a fine-tuned model, or None for a base model."""
        tuned = self._tuned_model(name)
        return self._adapter(tuned) if tuned else None

    def resolve(self, name: str) -> ServedModel:
        """Return what a model server needs to answer as `name`; the result's name is the model that really answers.

        Raises:
            NotFound: 404 model_not_found.
            BadRequest: 400 unsupported_model, it makes embeddings.
            Unavailable: 503 model_loading, the base model is still being fetched.
        """
        tuned = self._tuned_model(name)
        base = self.known_base(name)
        served = ServedModel(name=base.id, base=self.base_path(base))
        return served if tuned is None else self._tuned_from(served, tuned)

    def family(self, path: Path, most: int) -> list[ServedModel]:
        """Return the base model of that file and what was tuned from it, newest first, checkpoints last.

        These are `most` at most; none if that is no file of a base model that writes, or of one that is not served.
        """
        base = next((base for base in self._bases.values() if self._path(base) == path and not base.embeds), None)
        if base is None or not path.is_file():
            return []
        try:
            self.refuse_unsupported(base)
        except BadRequest:
            return []
        rows = self._store.newest(MODELS, 4 * most, base=base.id)  # a job has up to three checkpoints beside its model
        served = ServedModel(name=base.id, base=path)
        tuned = [self._tuned_from(served, row) for row in sorted(rows, key=_is_checkpoint)]
        return [served, *tuned][:most]

    def base_path(self, base: BaseModel) -> Path:
        """Return the GGUF of `base`.

        Raises:
            BadRequest: 400, its file's header cannot be believed (invalid_model_file), or its architecture is none that
                is trained and served here (unsupported_base_model).
            NotFound: it is not on this machine, and none that comes unasked.
            Unavailable: it comes unasked and is being fetched, or could not be.
        """
        path = self._path(base)
        if path.is_file():
            self.refuse_unsupported(base)
            return path
        if not self.is_here(base):
            raise NotFound(how_to_get(base), code="model_not_found")
        self.fetch_in_background(base)
        failed = self.fetches.failure(base)
        raise Unavailable(
            failed or f"The base model {base.id} is being fetched; try again soon.",
            code="model_loading" if failed is None else "base_model_unavailable",
            headers={"Retry-After": "5"},
        )

    def is_on_its_way(self, name: str) -> bool:
        """Say whether the base model behind a name is being fetched."""
        try:
            if (base := self.base_of(name)) is not None:
                self.base_path(base)
        except ApiError as reason:
            return reason.code == "model_loading"
        return False

    def is_here(self, base: BaseModel) -> bool:
        """Say whether `base` can be used: on this machine, or one that comes unasked, which the default one does."""
        return base == self.default or base.unasked or self._path(base).is_file()

    def refuse_unsupported(self, base: BaseModel) -> None:
        """Raise BadRequest as `base_path` does if the file of `base` is here; judged once, and when it changes."""
        path = self._path(base)
        if not path.is_file():
            return
        facts = path.stat()
        judged = facts.st_mtime_ns, facts.st_size
        if self._supported.get(base) == judged:
            return
        try:
            catalogue.refuse_unsupported(base, path)
        except Unsupported as reason:
            raise BadRequest(str(reason), code=reason.code, param="model") from None
        self._supported[base] = judged

    def fetch_in_background(self, base: BaseModel) -> None:
        """Fetch `base` in a thread of its own, unless one is at it or it is there."""
        if not self._path(base).is_file():
            self.fetches.begin(base)

    def list(self) -> dict[str, Any]:
        """Return every model that can be asked."""
        tuned = self._store.newest(MODELS, None)
        data = [_tuned_to_wire(row) for row in tuned] + [self._base_to_wire(base) for base in self._here()]
        return {"object": "list", "data": data}

    def cards(self) -> dict[str, Any]:
        """Return every name that can be asked with what it is, aliases too: OpenAI's Model objects do not say that."""
        tuned = [_tuned_card(row) for row in self._store.newest(MODELS, None)]
        here = {base.id: base for base in self._here()}
        bases = [
            _card(self._base_to_wire(base), "embeddings" if base.embeds else "base", name)
            for name, base in here.items()
        ]
        pairs = ((name, here[other]) for name, other in self._aliases.items() if other in here)
        aliases = [_card({**self._base_to_wire(base), "id": name}, "alias", base.id) for name, base in pairs]
        return {"object": "list", "data": [*tuned, *bases, *aliases]}

    def retrieve(self, name: str) -> Record:
        """Return one Model object; an alias gives the model it stands for."""
        tuned = self._tuned_model(name)
        if tuned is not None:
            return _tuned_to_wire(tuned)
        base = self.base_of(name)
        if base is None:
            raise _no_such_model(name)
        return self._base_to_wire(base)

    def delete(self, name: str) -> dict[str, Any]:
        """Forget a fine-tuned model; base models stay, as at OpenAI."""
        tuned = self._tuned_model(name)
        if tuned is not None:
            with self._knowing:
                self._store.delete(MODELS, id=name)
                self._rows.pop(name, None)
            shutil.rmtree((self._data_dir / str(tuned["adapter"])).parent, ignore_errors=True)
            return {"id": name, "object": "model", "deleted": True}
        if self.base_of(name) is None:
            raise _no_such_model(name)
        raise ApiError(f"The base model '{name}' cannot be deleted; only ft: models can.", param="model", status=403)

    def _known(self, name: str) -> BaseModel:
        base = self.base_of(name)
        if base is None:
            message = f"The model `{name}` does not exist or you do not have access to it."
            raise NotFound(message, code="model_not_found")
        return base

    def _here(self) -> tuple[BaseModel, ...]:
        """The base models that can be asked, those that write first: many a client takes the first of a list."""
        return tuple(sorted(filter(self.is_here, self._bases.values()), key=lambda base: base.embeds))

    def _tuned_model(self, name: str) -> Record | None:
        """Return a fine-tuned model's row, kept since it was first asked for: a query costs a chat a millisecond."""
        known = self._rows.get(name)
        if known is None and name.startswith("ft:"):
            with self._knowing:
                known = self._store.one(MODELS, id=name)
                if known is not None:
                    self._rows[name] = known
        return known

    def _base_behind(self, name: str, tuned: Record | None) -> BaseModel | None:
        return self._bases.get(str(tuned["base"]) if tuned else self._aliases.get(name, name))

    def _tuned_from(self, base: ServedModel, tuned: Record) -> ServedModel:
        return replace(base, name=str(tuned["id"]), adapter=self._adapter(tuned), adapter_sha256=tuned["sha256"])

    def _adapter(self, tuned: Record) -> Path:
        return self._data_dir / str(tuned["adapter"])

    def _path(self, base: BaseModel) -> Path:
        return catalogue.local_path(base, self._data_dir / "models")

    def _base_to_wire(self, base: BaseModel) -> Record:
        path = self._path(base)
        created = int(path.stat().st_mtime) if path.is_file() else 0
        return _to_wire(base.id, created, base.owner)


def how_to_get(base: BaseModel) -> str:
    """Return what to do about a catalogue's model that is not on this machine."""
    return f"The model `{base.id}` is not on this machine; fetch it with: python -m engine pull {base.id}"


def _tuned_to_wire(row: Record) -> Record:
    return _to_wire(str(row["id"]), int(row["created_at"]), str(row["id"]).split(":")[2])


def _to_wire(name: str, created: int, owner: str) -> Record:
    return {"id": name, "object": "model", "created": created, "owned_by": owner, "shutdown_date": None}


def _is_checkpoint(row: Record) -> bool:
    return ":ckpt-step-" in str(row["id"])


def _tuned_card(row: Record) -> Record:
    kind = "checkpoint" if _is_checkpoint(row) else "tuned"
    made = {"job_id": row["job_id"] or None, "step_number": row["step_number"]}
    return _card(_tuned_to_wire(row), kind, str(row["base"])) | made


def _card(model: Record, kind: str, base: str) -> Record:
    """`base` is what answers: the model itself, the one behind an alias, or the one that was trained."""
    told = {name: model[name] for name in ("id", "created", "owned_by")}
    return {**told, "object": "model_card", "kind": kind, "base": base, "job_id": None, "step_number": None}


def _unsupported(message: str) -> BadRequest:
    return BadRequest(message, code="unsupported_model", param="model")


def _no_such_model(name: str) -> NotFound:
    return NotFound(f"The model '{name}' does not exist", param="model", code="model_not_found")
