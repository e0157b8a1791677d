"""The request bodies both servers take, checked field by field; refusals are worded as OpenAI words them."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from wire.errors import BadRequest

Auto = Literal["auto"]
# No control character, and nothing that turns the direction of the text around it: names are shown, and stand in logs.
SHOWABLE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"
# PostgreSQL keeps no NUL.
_STORABLE = r"^[^\x00]*$"
Id = Annotated[str, Field(min_length=1, max_length=256, pattern=SHOWABLE)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=SHOWABLE)]
Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=64, pattern=_STORABLE)],
        Annotated[str, Field(max_length=512, pattern=_STORABLE)],
    ],
    Field(max_length=16),
]


class Strict(BaseModel):
    """No coercion ("3" is not 3, 1.5 is not 1) and no unknown field."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="forbid", allow_inf_nan=False)


class Hyperparameters(Strict):
    """Ranges of wire reference 2.1; `auto` leaves the choice to the upstream.

    The reference bounds no multiplier; training has diverged long before a thousand.
    """

    n_epochs: Auto | Annotated[int, Field(ge=1, le=50)] | None = Field(
        None, description="'auto' or a whole number from 1 to 50"
    )
    batch_size: Auto | Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description="'auto' or a whole number from 1 to 256"
    )
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, le=1000)] | None = Field(
        None, description="'auto' or a number above 0 and at most 1000"
    )


class PreferenceHyperparameters(Hyperparameters):
    """Those of `supervised`, and DPO's beta."""

    beta: Auto | Annotated[float, Field(gt=0, le=2)] | None = Field(
        None, description="'auto' or a number above 0 and at most 2"
    )


class Supervised(Strict):
    """`method.supervised`."""

    hyperparameters: Hyperparameters | None = None


class Preference(Strict):
    """`method.dpo`."""

    hyperparameters: PreferenceHyperparameters | None = None


class ReinforcementHyperparameters(Hyperparameters):
    """Those of `supervised`, and what reinforcement alone has, which is the upstream's to check."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="allow", allow_inf_nan=False)


class Reinforcement(BaseModel):
    """`method.reinforcement`; a grader is the upstream's to check."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="allow")
    hyperparameters: ReinforcementHyperparameters | None = None


class Method(Strict):
    """`method`."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Preference | None = None
    reinforcement: Reinforcement | None = None


class WandbRun(Strict):
    """`integrations[].wandb`: the run of a job at Weights & Biases."""

    project: Name
    name: Name | None = None
    entity: Name | None = None
    tags: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=64, pattern=SHOWABLE)]], Field(max_length=50)]
        | None
    ) = None


class Integration(Strict):
    """One of `integrations`."""

    type: Literal["wandb"]
    wandb: WandbRun


class JobCreate(Strict):
    """`POST /fine_tuning` and `POST /v1/fine_tuning/jobs`; the service makes `model` optional."""

    training_file: Id
    model: Id
    suffix: Annotated[str, Field(min_length=1, max_length=64, pattern=SHOWABLE)] | None = None
    validation_file: Id | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    seed: Annotated[int, Field(ge=0, le=2147483647)] | None = Field(
        None, description="a whole number from 0 to 2147483647"
    )
    metadata: Metadata | None = None
    integrations: Annotated[list[Integration], Field(max_length=5)] | None = None

    @model_validator(mode="after")
    def _refuse_same_file(self) -> Self:
        if self.validation_file == self.training_file:
            message = (
                "'validation_file' is the training file: what a model has learned tells nothing of what it has not."
            )
            raise BadRequest(message, code="same_file", param="validation_file")
        return self


class ExpiresAfter(Strict):
    """`expires_after` of a file: an hour to thirty days after it was created (wire reference 1.1)."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2_592_000, description="a whole number from 3600 to 2592000")]


class FileExpiry(Strict):
    """The expiry of a file as a form gives it."""

    expires_after: ExpiresAfter


class UploadCreate(Strict):
    """`POST /v1/uploads` (wire reference 1.4)."""

    bytes: Annotated[int, Field(ge=1, le=8 * 1024**3, description="a whole number from 1 to 8589934592")]
    filename: Annotated[str, Field(min_length=1, pattern=SHOWABLE)]
    mime_type: Annotated[str, Field(min_length=1, pattern=SHOWABLE)]
    purpose: Annotated[str, Field(min_length=1)]
    expires_after: ExpiresAfter | None = None


class UploadComplete(Strict):
    """`POST /v1/uploads/{id}/complete`: the parts in their order, and the MD5 of the whole in hexadecimal."""

    part_ids: Annotated[list[Id], Field(min_length=1)]
    md5: Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")] | None = Field(
        default=None, description="32 hexadecimal digits"
    )


# What is called otherwise elsewhere, so that no likeness of letters finds it.
_SLIPS = {
    **dict.fromkeys(("file", "file_id"), "training_file"),
    **dict.fromkeys(("id", "job", "job_id"), "fine_tuning_job_id"),
    **dict.fromkeys(("content", "input", "message", "prompt", "question"), "text"),
}
_KINDS = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "an array",
    "string_type": "a string",
    "bool_type": "true or false, without quotation marks",
    "int_type": "a whole number",
    "float_type": "a number",
}

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], body: dict[str, Any]) -> Model:
    """Return `body` as `model`, or raise a fault as a 400 that names the field, the value and the way out.

    An unknown field goes before a missing one: it is often the missing one, misspelt. Of what is said of one value, a
    wrong value goes before a wrong type: five strings are a list of strings.
    """
    try:
        return model.model_validate(body)
    except ValidationError as refused:
        faults = refused.errors(include_url=False)
        unknown = (fault for fault in faults if fault["type"] == "extra_forbidden")
        same = [fault for fault in faults if _path(fault) == _path(faults[0])]
        values = (fault for fault in same if not fault["type"].endswith("_type"))
        raise _refusal(model, next(unknown, next(values, faults[0]))) from None


def unknown_field(name: str, known: Sequence[str], inner: Mapping[str, str] | None = None) -> BadRequest:
    """Return the refusal of a field that does not exist; it says which one was probably meant.

    `inner` are fields further inside, by their names: a flat request often means one of those.
    """
    inner = inner or {}
    slip = _SLIPS.get(name)
    told = [inner[name]] if name in inner else [slip] if slip in known else []
    deep = [inner[near] for near in difflib.get_close_matches(name, inner, n=1)]
    meant = [*told, *difflib.get_close_matches(name, known, n=1), *deep]
    way_out = f"Did you mean '{meant[0]}'?" if meant else f"Known parameters: {', '.join(known)}."
    return BadRequest(f"Unknown parameter: '{name}'. {way_out}", code="unknown_parameter", param=name)


def _inner_fields(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Return the path of every field that lies inside a field of `model`, by its name; the shallowest goes first."""
    arms = {f"{prefix}{name}.": _model_in(field.annotation) for name, field in model.model_fields.items()}
    models = {path: arm for path, arm in arms.items() if arm is not None}
    found = {name: path + name for path, arm in reversed(models.items()) for name in arm.model_fields}
    deeper = [_inner_fields(arm, path) for path, arm in models.items()]
    return {name: path for paths in [*reversed(deeper), found] for name, path in paths.items()}


def _refusal(model: type[BaseModel], fault: ErrorDetails) -> BadRequest:
    path = _path(fault)
    param = ".".join(path)
    if not path:
        message = fault["msg"].removeprefix("Value error, ")
        return BadRequest(f"{message[0].upper()}{message[1:]}.", code="invalid_value")
    if fault["type"] == "extra_forbidden":
        owner = _owner(model, path)
        refusal = unknown_field(path[-1], sorted(owner.model_fields), _inner_fields(owner))
        refusal.param = param
        return refusal
    if fault["type"] == "missing":
        return BadRequest(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    value = json.dumps(fault["input"], ensure_ascii=False)
    shown = value if len(value) <= 80 else f"{value[:80]}..."
    code = "invalid_type" if fault["type"].endswith("_type") else "invalid_value"
    return BadRequest(f"Invalid value for '{param}': {shown}. {_advice(model, path, fault)}", code=code, param=param)


def _advice(model: type[BaseModel], path: list[str], fault: ErrorDetails) -> str:
    field = _owner(model, path).model_fields.get(path[-1]) if path else None
    if field is not None and field.description:
        return f"It must be {field.description}."
    if fault["type"] in _KINDS:
        return f"It must be {_KINDS[fault['type']]}."
    if fault["type"] in ("too_short", "too_long"):
        bound = "at least" if fault["type"] == "too_short" else "at most"
        length = fault["ctx"].get("min_length", fault["ctx"].get("max_length"))
        thing = "pair" if isinstance(fault["input"], dict) else path[-1].removesuffix("s")
        return f"It must have {bound} {length} {thing}{'s' * (length != 1)}; it has {len(fault['input'])}."
    if fault["type"] == "string_too_long":
        return f"It must have at most {fault['ctx']['max_length']} characters; it has {len(fault['input'])}."
    if fault["type"] == "string_pattern_mismatch":
        return "It must hold no control characters, and none that turn the direction of writing."
    if fault["type"] == "string_too_short":
        return "It must not be empty."
    told = fault["msg"].replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return told.replace("Input should", "It must") + "."


def _path(fault: ErrorDetails) -> list[str]:
    return [str(part) for part in fault["loc"] if not _is_branch(part)]


def _is_branch(part: str | int) -> bool:
    """pydantic names the arm of a union in the path; the caller knows no such arm."""
    return isinstance(part, str) and ("[" in part or part in {"int", "float", "str", "bool", "literal"})


def _owner(model: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """Return the model that holds the last field of `path`."""
    for part in path[:-1]:
        inner = model.model_fields[part].annotation if part in model.model_fields else None
        model = _model_in(inner) or _model_of_items(inner) or model
    return model


def _model_of_items(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a list's items, however the list is annotated."""
    arms = getattr(annotation, "__args__", ())
    return next((found for arm in arms if (found := _model_in(arm) or _model_of_items(arm))), None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, or may hold."""
    arms = (arm for arm in getattr(annotation, "__args__", (annotation,)) if isinstance(arm, type))
    return next((arm for arm in arms if issubclass(arm, BaseModel)), None)
