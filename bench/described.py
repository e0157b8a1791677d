"""Where names go in an app, by what it says of itself: one more route, parameter or field is one more place.

Paths are the app's own map's, everything else its `/openapi.json`'s.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

from tests.fakes.forms import written

Call = Callable[[str], Any]
_find_argument = re.compile(r"<[^>]+>")


def in_paths(client: FlaskClient) -> dict[str, Call]:
    """Every rule with an argument, by its method and path: a call with a name in its place."""
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.arguments]
    return {
        f"{method} {rule.rule}": partial(_ask_at, client, method, rule.rule)
        for rule in rules
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }


def in_description(client: FlaskClient, training_file: str, line: bytes) -> dict[str, Call]:
    """Every parameter and field of `/openapi.json`, by its call: that call with a name there, else as the example is.

    An upload holds `line`, and a job trains on `training_file`.
    """
    document = client.get("/openapi.json").get_json()
    found: dict[str, Call] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method.upper()} {path}"
            ask = partial(client.open, path.replace("{", "").replace("}", ""), method=method.upper())
            for place, call in _of_operation(document, operation, ask, training_file, line):
                found[f"{where} {place}"] = call
    return found


def _ask_at(client: FlaskClient, method: str, rule: str, name: str) -> Any:
    return client.open(_find_argument.sub(lambda _: quote(name), rule), method=method)


def _of_operation(
    document: Any, operation: Any, ask: Callable[..., Any], training_file: str, line: bytes
) -> Iterator[tuple[str, Call]]:
    body: dict[str, Any] = {}
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        fields = _resolved(document, media["schema"])["properties"]
        if kind == "application/json":
            example = {**media["example"], **({"training_file": training_file} if "training_file" in fields else {})}
            body = {"json": example}
            for field, schema in fields.items():
                yield field, partial(_ask_json, ask, example, field, partial(_shaped, document, schema))
        else:
            body = written({}, ("a.jsonl", line))
            for field in fields:
                yield field, partial(_ask_form, ask, {"model"} & {*fields} | {field}, line)
    for parameter in operation.get("parameters", []):
        if parameter["in"] != "path":
            sent = "query_string" if parameter["in"] == "query" else "headers"
            yield parameter["name"], partial(_ask_beside, ask, sent, parameter["name"], body)


def _ask_json(ask: Callable[..., Any], example: Any, field: str, shaped: Call, name: str) -> Any:
    unknown = {"model": name, "models": [name]}  # so that none is started
    return ask(json={**example, **{key: unknown[key] for key in unknown if key in example}, field: shaped(name)})


def _ask_form(ask: Callable[..., Any], fields: set[str], line: bytes, name: str) -> Any:
    named = name if "files" in fields else "a.jsonl"
    return ask(**written(dict.fromkeys(fields - {"files"}, name), (named, line)))


def _ask_beside(ask: Callable[..., Any], sent: str, parameter: str, body: dict[str, Any], name: str) -> Any:
    return ask(**{sent: {parameter: quote(name) if sent == "headers" else name}}, **body)


def _shaped(document: Any, schema: Any, name: str) -> Any:
    """A value of the schema's shape with nothing but `name` in it."""
    schema = _resolved(document, schema)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _shaped(document, choices[0], name)
    if schema.get("type") == "array":
        return [_shaped(document, schema.get("items", {}), name)]
    if schema.get("type") != "object":
        return name
    fields = schema.get("properties") or {name: {}}
    return {field: _shaped(document, of_field, name) for field, of_field in fields.items()}


def _resolved(document: Any, schema: Any) -> Any:
    if reference := schema.get("$ref"):
        return document["components"]["schemas"][reference.rpartition("/")[2]]
    return schema
