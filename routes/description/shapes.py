"""JSON schemas: of the models that validate, of dataprep's reports, and of what the upstream's objects become here."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from dataprep.checks.profiles import TARGETS
from dataprep.checks.report import Report
from dataprep.conversion.options import ALIASES, FALSE, TRUE, Options
from dataprep.estimate import Cost, Duration, Epochs
from dataprep.fixing.fix import FixReport
from routes.datasets import CHECK_FIELDS, CONVERT_FIELDS, FIX_FIELDS, STATISTICS_FIELDS
from routes.incoming import OFF, ON
from routes.retrieve import JobRetrieve
from routes.upload_files import UPLOAD_FIELDS
from services.creates import TAG
from services.curves import COLUMNS
from services.fine_tuning import MAX_METADATA
from wire.chat import Comparison, DocumentedChat
from wire.requests import JobCreate

Schema = dict[str, Any]

_REF = "#/components/schemas/{model}"
TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
SWITCH: Schema = {"type": "string", "enum": [*ON, *OFF]}
OBJECT: Schema = {"type": "object"}
MAYBE_TEXT, MAYBE_WHOLE = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
MAYBE_NUMBER: Schema = {"type": ["number", "null"]}
# Bytes are of no JSON type, so none stands here (OpenAPI 3.1, "Considerations for File Uploads").
FILE = {"contentMediaType": "application/octet-stream"}
_COUNTS = {"type": "object", "additionalProperties": WHOLE}
_PART: dict[str, Schema] = {"filename": TEXT, "size": WHOLE}
_SPREAD = ("count", "total", "least", "mean", "p5", "p50", "p95", "most")


def ref(name: str) -> Schema:
    """Point to a schema of the components."""
    return {"$ref": _REF.format(model=name)}


def exact(**properties: Schema) -> Schema:
    """An object of these keys, all of them and no others."""
    return some(**properties) | {"additionalProperties": False}


def some(**properties: Schema) -> Schema:
    """An object that has these keys, and others that are the upstream's matter or dataprep's."""
    return {"type": "object", "properties": properties, "required": [*properties]}


def perhaps(schema: Schema, *names: str) -> Schema:
    """The same object, which may lack these keys."""
    return schema | {"required": [name for name in schema["required"] if name not in names]}


def many(items: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items}


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """A field has its name; a title would say it again."""
        return False


def components() -> dict[str, Schema]:
    """Return every schema that has a name."""
    models = (Comparison, DocumentedChat, JobCreate, JobRetrieve)
    reports = (Report, FixReport, Cost, Duration, Epochs)
    inputs: list[Any] = [
        *((model, "validation", TypeAdapter(model)) for model in models),
        *((report, "serialization", TypeAdapter(report)) for report in reports),
    ]
    _, generated = TypeAdapter.json_schemas(inputs, ref_template=_REF, schema_generator=_Untitled)
    schemas: dict[str, Schema] = generated["$defs"]
    _fit_to_service(schemas["JobCreate"], schemas["DocumentedChat"], schemas["Comparison"])
    return schemas | _failures() | _replies() | _more_replies() | _data(schemas["Report"]["properties"]) | _forms()


def _fit_to_service(job: Schema, *questions: Schema) -> None:
    """What the service asks beyond the models: DEFAULT_MODEL, its own metadata, one question."""
    job["description"] = "The body of `POST /fine_tuning`."
    job["required"].remove("model")
    job["properties"]["model"] = {
        "anyOf": [job["properties"]["model"], {"type": "null"}],
        "description": "DEFAULT_MODEL unless given",
    }
    given, _ = job["properties"]["metadata"]["anyOf"]
    given["maxProperties"] = MAX_METADATA
    given["propertyNames"]["pattern"] = f"^(?!{TAG})"
    for question in questions:
        question["oneOf"] = [
            {"required": [name], "properties": {name: {"type": kind}}}
            for name, kind in (("text", "string"), ("messages", "array"))
        ]


def _failures() -> dict[str, Schema]:
    error = exact(
        type=TEXT | {"description": "a family, such as invalid_request_error"},
        code=MAYBE_TEXT | {"description": "for programs; the list stands in docs/wire.md"},
        message=TEXT | {"description": "for people: what is wrong, and the way out"},
        param=MAYBE_TEXT | {"description": "the field it is about"},
        request_id=TEXT | {"description": "the same as in X-Request-Id and in the log"},
        files=many(ref("UploadedFile")) | {"description": "what became of each file of an upload"},
        report=OBJECT | {"description": "of a conversion that came to nothing"},
        senders=many(exact(name=TEXT, id=TEXT, messages=WHOLE)) | {"description": "one of whom is to be `me`"},
    )
    error = perhaps(error, "files", "report", "senders")
    return {"Error": error, "Failure": exact(info={"const": "error"}, response=ref("Error"))}


def _replies() -> dict[str, Schema]:
    """What stands in `response` of the calls that the upstream answers."""
    stored = exact(
        bytes=MAYBE_WHOLE, created_at=MAYBE_WHOLE, filename=MAYBE_TEXT, id=TEXT, object=MAYBE_TEXT, purpose=MAYBE_TEXT
    )
    started = exact(
        id=TEXT,
        model=MAYBE_TEXT,
        organization_id=MAYBE_TEXT,
        status=MAYBE_TEXT,
        training_file=MAYBE_TEXT,
        suffix=TEXT,
    )
    standing = exact(
        id=TEXT,
        fine_tuned_model=MAYBE_TEXT,
        status=MAYBE_TEXT,
        trained_tokens=MAYBE_WHOLE,
        training_file=MAYBE_TEXT,
    )
    status = {"enum": ["uploaded", "rejected", "failed"]}
    return {
        "File": stored,
        "UploadedFile": exact(**_PART, content_type=TEXT, status=status, response=OBJECT),
        "Job": some(id=TEXT) | {"description": "The upstream's object, as it is."},
        "Page": some(data=many(OBJECT)) | {"description": "The upstream's page, as it is."},
        "StartedJob": started,
        "JobStatus": standing,
        "Answer": exact(content=MAYBE_TEXT, id=TEXT, model=MAYBE_TEXT),
    }


def _more_replies() -> dict[str, Schema]:
    """What stands in `response` of the calls on files, jobs and models that already are there."""
    whose = MAYBE_TEXT | {"description": "the id of the key whose it is; null: an admin's or everybody's"}
    numbers = dict.fromkeys(COLUMNS, MAYBE_NUMBER) | {"step": WHOLE}
    model = exact(
        id=TEXT,
        kind={"enum": ["base", "embeddings", "other", "alias", "tuned", "checkpoint"]},
        base=MAYBE_TEXT | {"description": "what answers to an alias, or what was trained"},
        job_id=MAYBE_TEXT,
        step_number=MAYBE_WHOLE,
        created=MAYBE_WHOLE,
        owned_by=MAYBE_TEXT,
        owner=whose,
        shutdown_date=MAYBE_TEXT,
    )
    answer = exact(
        index=WHOLE,
        model=TEXT,
        answered_by=MAYBE_TEXT,
        content=MAYBE_TEXT,
        finish_reason=MAYBE_TEXT,
        seconds=NUMBER,
        first_token_seconds=MAYBE_NUMBER,
        prompt_tokens=MAYBE_WHOLE,
        completion_tokens=MAYBE_WHOLE,
        error={"anyOf": [exact(message=TEXT, type=TEXT, param=MAYBE_TEXT, code=MAYBE_TEXT), {"type": "null"}]},
    )
    curve = exact(
        job_id=TEXT, status=MAYBE_TEXT, source={"enum": ["result_file", "events"]}, points=many(exact(**numbers))
    )
    return {
        "StoredFile": some(id=TEXT, filename=MAYBE_TEXT, owner=whose) | {"description": "The upstream's, and whose."},
        "Deleted": some(id=TEXT),
        "Curve": curve,
        "Model": model,
        "Models": exact(object={"const": "list"}, data=many(ref("Model"))),
        "Answers": exact(answers=many(answer)),
    }


def _data(report: dict[str, Schema]) -> dict[str, Schema]:
    """What stands in `response` of /datasets; `report` is what a check's report has."""
    verdict = {"enum": ["passed", "failed"]}
    made = perhaps(exact(**_PART, content=MAYBE_TEXT, file=ref("File")), "content", "file")
    checked = exact(
        **_PART,
        content_type=TEXT,
        status=verdict,
        response=exact(profile=TEXT, max_tokens=MAYBE_WHOLE, **report),
        file=ref("File"),
    )
    mended = exact(**_PART, content=MAYBE_TEXT, status=verdict, response=ref("FixReport"), file=ref("File"))
    dataset = exact(
        report=some(rows=some(used=WHOLE, left=_COUNTS), examples=_COUNTS, check=OBJECT),
        text=TEXT,
        training=made,
        validation={"anyOf": [made, {"type": "null"}]},
        provenance={"anyOf": [many(OBJECT), {"type": "null"}]},
    )
    spread: Schema = exact(**dict.fromkeys(_SPREAD, NUMBER))
    numbers = some(examples=WHOLE, unread=WHOLE, tokens=spread, answer_tokens=spread, turns=spread, characters=spread)
    outlook = exact(statistics=numbers, counted=TEXT, epochs=ref("Epochs"), cost=ref("Cost"), duration=ref("Duration"))
    return {
        "CheckedFile": perhaps(checked, "file"),
        "MendedFile": perhaps(mended, "file"),
        "Dataset": perhaps(dataset, "provenance"),
        "FileOutlook": exact(**_PART, response=outlook),
    }


def _forms() -> dict[str, Schema]:
    """The multipart forms, each of the fields that its view knows."""
    known: dict[str, Schema] = {
        "files": many(FILE) | {"minItems": 1, "description": "one file or more"},
        "against": FILE | {"description": "the training file, where `files` are for validation"},
        "profile": {"type": "string", "enum": [*TARGETS, ""], "description": "the target whose rules count"},
        "model": TEXT | {"description": "the model that will be trained"},
        "epochs": _or_empty({"type": "integer", "minimum": 1, "maximum": 50}),
        "validate": SWITCH | {"default": "true", "description": "false sends the files on unchecked"},
        "sha256": many(TEXT) | {"description": "of each file, in hexadecimal: what arrives must have it"},
        "bytes": many(TEXT) | {"description": "how long each file is: what arrives must be as long"},
        "upload": SWITCH | {"default": "false", "description": "send on what passes or was made"},
        "download": SWITCH | {"default": "false", "description": "answer with the examples alone, as a file"},
        "thorough": SWITCH | {"default": "false", "description": "read every example's wording in large files too"},
    }
    mending: dict[str, Schema] = {
        "mask": SWITCH | {"default": "false", "description": "replace personal data by placeholders"},
        "encoding": TEXT | {"description": "read the file in this encoding"},
    }
    options = {name: _option(name) for name in (*Options.__dataclass_fields__, *ALIASES)}
    forms: dict[str, tuple[list[str], dict[str, Schema]]] = {
        "UploadForm": (UPLOAD_FIELDS, known),
        "CheckForm": (CHECK_FIELDS, known),
        "FixForm": (FIX_FIELDS, known | mending),
        "ConvertForm": (CONVERT_FIELDS, known | options),
        "StatisticsForm": (STATISTICS_FIELDS, known),
    }
    return {
        name: exact(**{field: texts[field] for field in fields}) | {"required": ["files"]}
        for name, (fields, texts) in forms.items()
    }


def _option(name: str) -> Schema:
    """One option of a conversion, as `Options` declares it."""
    declared = Options.__dataclass_fields__[ALIASES.get(name, name)]
    told: Schema = {"description": declared.metadata["help"]}
    default = declared.default
    if isinstance(default, tuple):
        return told | {"anyOf": [TEXT, many(TEXT)]}
    told["default"] = default
    if isinstance(default, bool):
        return told | {"type": "string", "enum": [*TRUE, *FALSE, ""], "default": str(default).lower()}
    if isinstance(default, str):
        return told | TEXT
    most = declared.metadata["most"]
    bounds = {"minimum": declared.metadata["least"]} | ({"maximum": most} if most < float("inf") else {})
    return told | _or_empty(bounds | (WHOLE if isinstance(default, int) else NUMBER))


def _or_empty(schema: Schema) -> Schema:
    """A field that is empty is as good as none."""
    return {"anyOf": [schema, {"const": ""}]}
