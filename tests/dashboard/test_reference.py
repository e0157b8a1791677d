"""The reference page shows every call of the description, and its commands do what they say."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from dashboard.told import words_of
from routes.description.operation import LINE
from tests.dashboard.conftest import Reader
from tests.dashboard.served import Served
from tests.routes.test_openapi import UNSERVED, begin, operations

WITHOUT_CURL = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")


@pytest.fixture
def page(reader: Reader) -> str:
    reply = reader.get("/docs")
    assert reply.status_code == 200
    return reply.get_data(as_text=True)


@pytest.fixture
def described(reader: Reader) -> dict[str, Any]:
    return dict(reader.get("/openapi.json").get_json())


def sections(page: str) -> dict[str, str]:
    """What is said of each call and object, by its heading."""
    parts = re.split(r'<section class="card call"', page)[1:]
    headings = (re.search(r"<h3[^>]*><code>(.+?)</code>", part) for part in parts)
    return {heading[1]: unescape(part) for heading, part in zip(headings, parts, strict=True) if heading}


def test_every_call_has_a_section_with_all_that_the_description_says(page: str, described: dict[str, Any]) -> None:
    told = sections(page)
    for method, path, operation in operations(described):
        section = told[f"{method} {path}"]
        assert operation["summary"] in re.sub("</?code>", "`", section), path
        for parameter in operation.get("parameters", []):
            assert f"<code>{parameter['name']}</code>" in section
        for status, said in operation["responses"].items():
            examples = [media["example"] for media in said.get("content", {}).values()]
            shown = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, indent=2) for one in examples]
            assert [one for one in shown if one.strip() not in section] == []
            assert examples or f'<a href="#{status}">' in section


def test_every_field_of_a_body_stands_in_its_call(page: str, described: dict[str, Any]) -> None:
    told, schemas = sections(page), described["components"]["schemas"]
    for method, path, operation in operations(described):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            schema = schemas[media["schema"]["$ref"].rpartition("/")[2]]
            section = told[f"{method} {path}"]
            names = re.findall(r"<dt><code>(\w+)</code>", section)
            assert set(schema["properties"]) <= set(names)
            assert section.count("<strong>required</strong>") >= len(schema.get("required", []))


def test_objects_within_bodies_are_described_too(page: str) -> None:
    told = sections(page)
    assert "integer (1 to 50)" in told["Hyperparameters"]
    assert '<a href="#Hyperparameters">' in told["Supervised"]
    assert '<a href="#Message">array of Message (1 to 10000 items)</a>' in told["POST /chat"]
    assert "one of text, messages" in told["POST /chat"]


def test_what_must_be_given_comes_first(page: str) -> None:
    told = sections(page)
    names = {call: re.findall(r"<dt><code>([\w-]+)</code>", told[call]) for call in ("POST /fine_tuning", "POST /chat")}
    assert names["POST /fine_tuning"][0] == "training_file"
    assert {*names["POST /chat"][:2]} == {"text", "messages"}


def test_the_documented_calls_come_first(page: str) -> None:
    assert list(sections(page))[:5] == [
        "GET /status",
        "POST /upload_files",
        "POST /fine_tuning",
        "POST /retrieve",
        "POST /chat",
    ]


def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names))
    assert set(re.findall(r'href="#([^"]+)"', page)) - {"main"} <= set(names)


def test_its_frame_is_chinese_for_who_reads_chinese(reader: Reader) -> None:
    page = reader.get("/docs", Accept_Language="zh").get_data(as_text=True)
    assert "接口文档" in page
    assert "文档中的五个接口" in page
    assert '<div lang="en" class="plain"><p>Return' in page


def test_every_call_has_a_sentence_in_chinese_and_no_other_is_kept(reader: Reader, described: dict[str, Any]) -> None:
    told = sections(reader.get("/docs", Accept_Language="zh").get_data(as_text=True))
    calls = {f"{method} {path}" for method, path, _ in operations(described)}
    assert words_of("zh", "calls").keys() == calls
    assert [call for call in calls if f"<p>{words_of('zh', 'calls')[call]}</p>" not in told[call]] == []
    assert words_of("zh", "calls")["GET /status"] not in reader.get("/docs").get_data(as_text=True)


@WITHOUT_CURL
def test_every_command_is_answered_as_it_stands(served: Served, tmp_path: Path, described: dict[str, Any]) -> None:
    (tmp_path / "lighthouse.jsonl").write_text(LINE, encoding="utf-8")
    page = subprocess.run(["curl", "-s", f"{served.url}/docs"], capture_output=True, text=True, check=True).stdout
    for call, section in sections(page).items():
        method, _, path = call.partition(" ")
        if not path:  # an object
            continue
        begin(served.upstream)
        [command] = re.findall(r"<code>(curl .+?)</code></pre>", section, re.DOTALL)
        assert served.url in command
        ask = command.replace("curl ", "curl -s -o answer -w '%{http_code}' ", 1)
        done = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
        expected = UNSERVED.get(path, 200)
        assert done.stdout == str(expected), (method, path, (tmp_path / "answer").read_text(encoding="utf-8"))
