"""The upstream's models: what each is, whose, and of which job; they are deleted, and an engine's are exported."""

from typing import Any, Self
from urllib.parse import quote

from services import makers, models
from services.client import Upstream, body_of, entity_of, rows_of
from services.creates import tags_of
from services.downloads import Download
from services.failures import MARK, expecting, unserved
from services.fine_tuning import FineTuning
from services.makers import CHECKPOINT, OWNER, is_named_as_tuned
from wire.errors import BadRequest, NotFound

Model = dict[str, Any]
_MADE = frozenset({"tuned", "checkpoint"})
_PASSED = ("id", "kind", "base", "job_id", "step_number", "created", "owned_by")
_ENDINGS = {"gguf": ".gguf", "peft": "-peft.tar", "ollama": "-ollama.tar"}


class Registry:
    """Models as the jobs of one owner show whose they are; base models and aliases are everybody's."""

    def __init__(self, upstream: Upstream, jobs: FineTuning, *, openai: bool, owner: str = "") -> None:
        self._upstream = upstream
        self._jobs = jobs
        self._openai = openai
        self._owner = owner

    def acting_for(self, owner: str, jobs: FineTuning) -> Self:
        """Return the models of one owner."""
        return type(self)(self._upstream, jobs, openai=self._openai, owner=owner)

    def all(self) -> list[Model]:
        """Return every model that can be asked: fine-tuned ones and checkpoints, base models, aliases."""
        rows, is_engine = self._rows()
        jobs = {str(job["id"]): job for job in self._jobs.all()}
        found = [self._model(row, jobs) if is_engine else self._guessed(row, jobs) for row in rows]
        return [model for model in found if not self._owner or model["kind"] not in _MADE or model["job_id"] in jobs]

    def retrieve(self, name: str) -> Model:
        """Return one model; an alias is its own, and says what answers."""
        found = next((model for model in self.all() if model["id"] == name), None)
        if found is None:
            raise _no_such_model(name)
        return found

    def delete(self, name: str) -> dict[str, Any]:
        """Delete a fine-tuned model or a checkpoint, and return what the upstream says."""
        self._require(name)
        with self._upstream.call() as client:
            return entity_of(client.models.with_raw_response.delete(name).http_response)

    def export(self, name: str, form: str) -> Download:
        """Return a fine-tuned model's weights as `form` has them: gguf, peft or ollama.

        Raises:
            ApiError: 501 not_served_upstream, it is no engine; what an engine says of the model or the format.
        """
        self._require(name)
        rows, is_engine = self._rows()
        if not is_engine:
            there = any(row["id"] == name for row in rows)
            raise unserved("give out weights") if there else _no_such_model(name)
        with expecting("export models"):
            path = f"/models/{quote(name, safe=':')}/export?format={quote(form, safe='')}"
            answer = self._upstream.open(path)
        return Download(self._upstream, answer, name.replace(":", "-") + _ENDINGS.get(form, ""))

    def _require(self, name: str) -> None:
        """Refuse somebody else's model as one that there is not, and to all but admins what no job made."""
        if name in (".", ".."):  # they would lead elsewhere in a path
            raise _no_such_model(name)
        self._jobs.require_model(name)
        if self._owner and not is_named_as_tuned(name) and not self._jobs.made(name):
            message = f"'{name}' is everybody's; your key deletes and exports models that your own jobs made."
            raise BadRequest(message, code="not_fine_tuned", param="model")

    def _rows(self) -> tuple[list[Model], bool]:
        """What the upstream lists, and whether it is an engine, whose list says more."""
        import httpx2

        with self._upstream.call() as client:
            answer = client.get("/models", cast_to=httpx2.Response)
            is_engine = MARK in answer.headers
            if is_engine:
                answer = client.get("/model_cards", cast_to=httpx2.Response)
        return rows_of(body_of(answer), "models"), is_engine

    def _model(self, row: Model, jobs: dict[str, Model]) -> Model:
        owner = tags_of(jobs.get(str(row.get("job_id")), {})).get(OWNER)
        shared = {name: row.get(name) for name in _PASSED}
        ends = models.shut_down_on(str(row["id"])) if self._openai else None
        return {**shared, "owner": owner, "shutdown_date": ends.isoformat() if ends else None}

    def _guessed(self, row: Model, jobs: dict[str, Model]) -> Model:
        """The same where the list has names alone: jobs say what they made of what, a name perhaps its base."""
        name = str(row["id"])
        job = makers.maker_of(name, jobs.values(), self._jobs.last_checkpoints)
        named = is_named_as_tuned(name)
        if not (job or named or self._jobs.is_anothers(name)):
            return self._model({**row, "kind": models.kind_of(name), "base": name}, jobs)
        step = name.partition(CHECKPOINT)[2]
        base = name.split(":")[1] if named else job and job.get("model")
        told = {"kind": "checkpoint" if step else "tuned", "base": base}
        number = int(step) if step.isascii() and step.isdigit() else None
        return self._model({**row, **told, "job_id": job["id"] if job else None, "step_number": number}, jobs)


def _no_such_model(name: str) -> NotFound:
    return NotFound(f"The model `{name}` does not exist.", code="model_not_found", param="model")
