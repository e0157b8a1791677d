"""The description as a page wants it: each call with its fields, examples, failures, and a command that makes it."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from routes.description.collection import DOCUMENTED, TRAINING_FILE, calls
from routes.description.operation import FILE_ID, FORM, JOB_ID, JSON, TUNED
from routes.description.shapes import Schema

_IN_PATHS = {"file_id": FILE_ID, "job_id": JOB_ID, "name": TUNED}
_RANGES = (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"))


@dataclass(frozen=True)
class Field:
    """What may be sent: `place` is path, query, header, form or body; `thing` names an object that it is made of."""

    name: str
    place: str
    kind: str
    told: str
    required: bool
    thing: str = ""


@dataclass(frozen=True)
class Thing:
    """An object that fields are made of."""

    name: str
    told: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Reply:
    """An example of an answer."""

    status: str
    media: str
    text: str


@dataclass(frozen=True)
class Failure:
    """One status of failures, with a code that it may have."""

    status: str
    code: str
    told: str


@dataclass(frozen=True)
class Call:
    """One operation: needed fields come first, of those in `choice` one is; `options` are curl's beside the URL."""

    method: str
    path: str
    family: str
    summary: str
    told: str
    scope: str
    fields: tuple[Field, ...]
    choice: tuple[str, ...]
    replies: tuple[Reply, ...]
    failures: tuple[str, ...]
    example_path: str
    options: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Its name within the page."""
        return f"{self.method}{self.path}".lower().translate(str.maketrans("/_", "--", "{}"))

    def curl(self, root: str, *more: str) -> str:
        """Return the command that sends the example to the service at `root`, with `more` options."""
        return " \\\n  ".join((f"curl {shlex.quote(root + self.example_path)}", *more, *self.options))


def families(described: Schema) -> dict[str, list[Call]]:
    """Return every call by its family; that of the documented ones has no name and comes first."""
    found: dict[str, list[Call]] = {}
    for method, path, operation in calls(described):
        call = _call(method, path, operation, described["components"]["schemas"])
        found.setdefault(call.family, []).append(call)
    return found


def things(described: Schema) -> list[Thing]:
    """Return the objects that calls take, each once, in the order in which they are met."""
    schemas, found = described["components"]["schemas"], dict[str, Thing]()
    waiting = [field.thing for family in families(described).values() for call in family for field in call.fields]
    while waiting:
        name = waiting.pop(0)
        if name and name not in found:
            schema = schemas[name]
            fields = tuple(_properties(schema, "body"))
            found[name] = Thing(name, schema.get("description", "").partition("\n\n")[0], fields)
            waiting += [field.thing for field in fields]
    return list(found.values())


def failures(described: Schema) -> list[Failure]:
    """Return what each status of failures means."""
    told = described["components"]["responses"]
    return [
        Failure(name.removeprefix("Status"), one["content"][JSON]["example"]["response"]["code"], one["description"])
        for name, one in told.items()
    ]


def _call(method: str, path: str, operation: Schema, schemas: Schema) -> Call:
    content: Schema = operation.get("requestBody", {}).get("content", {})
    media = next(iter(content), "")
    sent: Schema = content.get(media, {})
    schema = schemas[_name(sent["schema"])] if sent else {}
    parameters = operation.get("parameters", [])
    fields = [_field(one["name"], one["in"], one["schema"] | one, bool(one.get("required"))) for one in parameters]
    fields += _properties(schema, "form" if media == FORM else "body")
    choice = tuple(name for one in schema.get("oneOf", []) for name in one["required"])
    security = operation["security"]
    return Call(
        method=method,
        path=path,
        family="" if path in DOCUMENTED else operation["tags"][0],
        summary=operation["summary"],
        told=operation.get("description", ""),
        scope=security[0]["key"][0] if security else "",
        fields=tuple(sorted(fields, key=lambda field: not (field.required or field.name in choice))),
        choice=choice,
        replies=tuple(_replies(operation)),
        failures=tuple(status for status, one in operation["responses"].items() if "$ref" in one),
        example_path=path.format_map(_IN_PATHS) + _query(parameters),
        options=tuple(_options(method, media, sent.get("example"))),
    )


def _properties(schema: Schema, place: str) -> Iterator[Field]:
    for name, one in schema.get("properties", {}).items():
        yield _field(name, place, one, name in schema.get("required", []))


def _field(name: str, place: str, schema: Schema, required: bool) -> Field:
    default = schema.get("default")
    kind = _kind(schema) if default in (None, "") else f"{_kind(schema)}, {json.dumps(default)} unless given"
    return Field(name, place, kind, schema.get("description", ""), required, _name(schema))


def _name(schema: Schema) -> str:
    """The object that a schema points to, be it in a list or one of several kinds; empty for none."""
    inside = (schema.get("items", {}), *schema.get("anyOf", []))
    return str(schema.get("$ref", "")).rpartition("/")[2] or next(filter(None, map(_name, filter(None, inside))), "")


def _kind(schema: Schema) -> str:
    """What a value may be, in JSON's words."""
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(one) for one in schema["anyOf"])
        return " | ".join(kind for kind in kinds if kind != "null")
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return " | ".join(json.dumps(one) for one in choices)
    if "contentMediaType" in schema:
        return "file"
    name = _name(schema) if "$ref" in schema else schema.get("type", "any")
    kind = f"array of {_kind(schema['items'])}" if name == "array" and "items" in schema else str(name)
    bounds = ", ".join(_bounds(schema))
    return f"{kind} ({bounds})" if bounds else kind


def _bounds(schema: Schema) -> Iterator[str]:
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']}"
    for low, high, unit in _RANGES:
        match schema.get(low), schema.get(high):
            case None, None:
                pass
            case least, None:
                yield f"at least {least}{unit}"
            case None, most:
                yield f"at most {most}{unit}"
            case least, most:
                yield f"{least} to {most}{unit}"


def _replies(operation: Schema) -> Iterator[Reply]:
    for status, said in operation["responses"].items():
        for media, one in said.get("content", {}).items():
            yield Reply(status, media.partition(";")[0], _shown(one["example"]))


def _shown(example: Any) -> str:
    """An example as it comes, for replies have their keys in order."""
    if isinstance(example, str):
        return example.strip()
    return json.dumps(example, ensure_ascii=False, indent=2, sort_keys=True)


def _query(parameters: list[Schema]) -> str:
    """The query of an example: what must be given."""
    given = [
        f"{one['name']}={one['schema']['enum'][0]}"
        for one in parameters
        if one["in"] == "query" and one.get("required")
    ]
    return "?" + "&".join(given) if given else ""


def _options(method: str, media: str, example: Any) -> Iterator[str]:
    """What curl is to be told beside the URL."""
    if media == FORM:
        fields = {"files": f"@{TRAINING_FILE}"} | {name: one for name, one in example.items() if name != "files"}
        yield " ".join(f"-F {shlex.quote(f'{name}={value}')}" for name, value in fields.items())
    elif media == JSON:
        yield "-H 'Content-Type: application/json'"
        yield f"-d {shlex.quote(json.dumps(example, ensure_ascii=False))}"
    elif method != "GET":
        yield f"-X {method}"
