"""The description as a Postman collection (v2.1): each call's example as a request, what one answers put into the next.

Scripts run in Postman's runner and in newman; whoever sends one request by hand gets its reply and its checks alone.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from routes.description.operation import FILE_ID, FORM, JOB_ID, JSON, TUNED
from routes.description.shapes import Schema

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
DOCUMENTED = ("/status", "/upload_files", "/fine_tuning", "/retrieve", "/chat")
TRAINING_FILE = "lighthouse.jsonl"
FIRST, LAST = "The five documented calls", "Delete what was made"
_ABOUT = """The calls of this service, the five documented ones first. Set `url` (and `key`, where one is asked for),
choose `lighthouse.jsonl` in `POST /upload_files`, and send them one after the other, or run the collection: each puts
what it answers (`file_id`, `job_id`, `model`) into the next. A run deletes nothing unless `clean_up` is true.
"""
_VARIABLES = {"url": "http://127.0.0.1:9527", "key": "", "file_id": "", "job_id": "", "model": "", "clean_up": "false"}
# What stands for the ids of examples and paths.
_IN_EXAMPLES = {FILE_ID: "{{file_id}}", JOB_ID: "{{job_id}}", TUNED: "{{model}}"}
_IN_PATHS = {"file_id": "file_id", "job_id": "job_id", "name": "model"}

_GOOD = ['pm.test("The reply is good", () => pm.response.to.have.status(200));']
_ENVELOPE = [
    'pm.test("The reply is good", () => {',
    "    pm.response.to.have.status(200);",
    '    pm.expect(pm.response.json().info).to.eql("ok");',
    "});",
]
_MOVES_A_JOB = [
    "// A job that has ended, or is in another state, is refused.",
    'pm.test("The job is moved, or it is said why not", () => {',
    "    pm.expect(pm.response.code).to.be.oneOf([200, 400]);",
    "    if (pm.response.code === 400)",
    '        pm.expect(pm.response.json().response.code).to.be.oneOf(["job_already_completed", "invalid_job_state"]);',
    "});",
]
_KEEP = "pm.collectionVariables.set({name}, pm.response.json().response{path});"
_SCRIPTS = {
    "upload_files": [*_ENVELOPE, _KEEP.format(name='"file_id"', path="[0].response.id")],
    "fine_tuning": [*_ENVELOPE, _KEEP.format(name='"job_id"', path=".id")],
    "retrieve": [
        *_ENVELOPE,
        "const job = pm.response.json().response;",
        "// A runner asks again until the job has ended; the timer makes it wait.",
        'if (["validating_files", "queued", "running"].includes(job.status)) {',
        "    setTimeout(() => {}, 2000);",
        "    pm.execution.setNextRequest(pm.info.requestName);",
        "} else {",
        '    pm.test("The job has succeeded", () => pm.expect(job.status).to.eql("succeeded"));',
        '    pm.collectionVariables.set("model", job.fine_tuned_model);',
        "}",
    ],
    "chat": [
        *_ENVELOPE,
        'pm.test("The tuned model answers", () => {',
        '    pm.expect(pm.response.json().response.content).to.be.a("string");',
        '    pm.expect(pm.response.json().response.model).to.eql(pm.variables.get("model"));',
        "});",
    ],
    "cancel_job": _MOVES_A_JOB,
    "pause_job": _MOVES_A_JOB,
    "resume_job": _MOVES_A_JOB,
}
_ONLY_IF_WANTED = ['if (pm.variables.get("clean_up") !== "true") pm.execution.skipRequest();']


def collection(described: Schema) -> str:
    """Return the collection of an OpenAPI document of ours, as text to write into a file."""
    folders: dict[str, list[Schema]] = {FIRST: []}
    deletions: list[Schema] = []
    for method, path, operation in calls(described):
        name = FIRST if path in DOCUMENTED else operation["tags"][0]
        folder = deletions if method == "DELETE" else folders.setdefault(name, [])
        folder.append(_item(method, path, operation))
    items = [{"name": name, "item": inside} for name, inside in {**folders, LAST: deletions}.items()]
    told = {
        "info": {"name": "tune9527", "description": _ABOUT, "schema": SCHEMA},
        "item": items,
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [{"key": key, "value": value, "type": "string"} for key, value in _VARIABLES.items()],
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def calls(described: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Yield each call, the documented ones in their order, what looks before what changes."""
    paths = described["paths"]
    for path in (*DOCUMENTED, *(path for path in paths if path not in DOCUMENTED)):
        for method in sorted(paths[path], key=["get", "post", "delete"].index):
            yield method.upper(), path, paths[path][method]


def _item(method: str, path: str, operation: Schema) -> Schema:
    good = operation["responses"]["200"]["content"].get(JSON, {})
    enveloped = "info" in good.get("schema", {}).get("properties", {}) or "anyOf" in good.get("schema", {})
    script = _SCRIPTS.get(operation["operationId"], _ENVELOPE if enveloped else _GOOD)
    events = [_script("test", script), *([_script("prerequest", _ONLY_IF_WANTED)] if method == "DELETE" else [])]
    words = "\n\n".join(filter(None, (operation["summary"], operation.get("description"))))
    headers = [_parameter(one) for one in operation.get("parameters", []) if one["in"] == "header"]
    request = {"method": method, "header": headers, "url": _url(path, operation), "description": words}
    if content := operation.get("requestBody", {}).get("content"):
        request["body"] = _body(content)
    return {"name": f"{method} {path}", "event": events, "request": request, "response": []}


def _url(path: str, operation: Schema) -> Schema:
    filled = re.sub(r"\{(\w+)\}", lambda found: f"{{{{{_IN_PATHS[found[1]]}}}}}", path)
    query = [_parameter(one) for one in operation.get("parameters", []) if one["in"] == "query"]
    sent = "&".join(f"{one['key']}={one['value']}" for one in query if not one["disabled"])
    raw = f"{{{{url}}}}{filled}" + (f"?{sent}" if sent else "")
    return {"raw": raw, "host": ["{{url}}"], "path": filled[1:].split("/"), "query": query}


def _parameter(told: Schema) -> Schema:
    """Only what must be given is switched on."""
    choices = told["schema"].get("enum", [""])
    return {
        "key": told["name"],
        "value": choices[0],
        "description": told["description"],
        "disabled": not told.get("required"),
    }


def _body(content: Schema) -> Schema:
    if JSON in content:
        raw = json.dumps(content[JSON]["example"], ensure_ascii=False, indent=2)
        for example, variable in _IN_EXAMPLES.items():
            raw = raw.replace(example, variable)
        return {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    fields: dict[str, Any] = content[FORM]["example"]
    texts = [{"key": name, "value": str(value), "type": "text"} for name, value in fields.items() if name != "files"]
    return {"mode": "formdata", "formdata": [{"key": "files", "type": "file", "src": TRAINING_FILE}, *texts]}


def _script(when: str, lines: list[str]) -> Schema:
    return {"listen": when, "script": {"type": "text/javascript", "exec": lines}}
