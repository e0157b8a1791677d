"""Names that climb out of a folder touch nothing there; the short form of `python -m bench.names`."""

from pathlib import Path
from typing import Any

from flask import Flask, request

from bench import described, names


def test_no_name_reaches_outside_of_the_data_folder() -> None:
    calls, wrong = names.run(count=1, seed=9527)
    assert (calls > 150, wrong) == (True, [])


TEXT = {"type": "string"}
SCHEMAS: dict[str, Any] = {
    "json": {
        "properties": {
            "notes": {"anyOf": [{"type": "array", "items": TEXT}]},
            "more": {"$ref": "#/components/schemas/more"},
        }
    },
    "more": {"type": "object", "properties": {"deep": TEXT, "free": {"type": "object"}}},
    "form": {"properties": {"files": {"type": "array"}, "label": TEXT}},
}


def taking(kind: str, schema: str, example: Any) -> dict[str, Any]:
    media = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"post": {"requestBody": {"content": {kind: media}}}}


DOCUMENT = {
    "components": {"schemas": SCHEMAS},
    "paths": {
        "/json": taking("application/json", "json", {"notes": ["x"], "model": "m"}),
        "/form": taking("multipart/form-data", "form", {}),
        "/plain/{a}": {"get": {"parameters": [{"name": "q", "in": "query"}, {"name": "X-Q", "in": "header"}]}},
    },
}
EXPECTED: list[tuple[Any, ...]] = [
    ("/plain/NAME", {}, None, None, {}, []),
    ("/new/NAME/end", {}, None, None, {}, []),
    ("/plain/a", {"q": "NAME"}, None, None, {}, []),
    ("/plain/a", {}, "NAME", None, {}, []),
    ("/json", {}, None, {"notes": ["NAME"], "model": "NAME"}, {}, []),
    ("/json", {}, None, {"notes": ["x"], "model": "NAME", "more": {"deep": "NAME", "free": {"NAME": "NAME"}}}, {}, []),
    ("/form", {}, None, None, {}, ["NAME"]),
    ("/form", {}, None, None, {"label": "NAME"}, ["a.jsonl"]),
]


def test_what_a_server_comes_to_have_is_tried_by_itself() -> None:
    app, got = Flask("new", static_folder=None), []

    def hear(**_: str) -> str:
        files = [one.filename for one in request.files.getlist("files")]
        asked = request.args.to_dict(), request.headers.get("X-Q"), request.get_json(silent=True)
        got.append((request.path, *asked, request.form.to_dict(), files))
        return ""

    app.add_url_rule("/openapi.json", "openapi", lambda: DOCUMENT)
    for rule in ("/plain/<a>", "/json", "/form", "/new/<path:name>/end"):
        app.add_url_rule(rule, rule, hear, methods=["GET", "POST"])
    client = app.test_client()
    for call in (*described.in_paths(client).values(), *described.in_description(client, "file-1", b"x").values()):
        call("NAME")
    assert [one for one in EXPECTED if one not in got] == []


def test_there_are_a_hundred_of_them_at_least() -> None:
    assert len({*names.names(Path("/canary"))}) >= 100


def test_the_watch_hears_of_what_is_touched(tmp_path: Path) -> None:
    """So that the test above could fail."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    watch = names.Watch(inside)
    watch.on = True
    inside.mkdir()
    outside.mkdir()
    (outside / "a").write_text("x")
    list(outside.iterdir())
    (outside / "a").unlink()
    watch.on = False
    assert {word.split()[0] for word in watch.outside} == {"os.mkdir", "open", "os.listdir", "os.remove"}
    assert not any(f"{inside}/" in word for word in watch.outside)
