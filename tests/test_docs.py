"""The documentation is complete and true to the code: routes, settings, links, and both languages alike."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from config import EngineConfig, ServiceConfig
from engine.app import create_engine
from engine.architectures import SUPPORTED
from tests.fakes.service import NO_DATA
from tests.guides import CHINESE, COMMANDS, README, ROOT, SHOWN, blocks, documents, translations

SETTINGS = sorted({one.metadata["env"] for config in (ServiceConfig, EngineConfig) for one in fields(config)})
MOST_PICTURE_BYTES = 120_000

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#{1,6}) ", re.MULTILINE)
_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_NUMBER = re.compile(r"\d+")
_LITERAL = re.compile(r"`([^`]+)`")
_PROMPT = re.compile(r"^(?:\$|>|C:.*>) ", re.MULTILINE)


def read(name: str) -> str:
    """The text of one file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(name: str) -> str:
    """A document without its code blocks."""
    return _FENCE.sub("", read(name))


def routes_of(app: Flask, prefix: str = "") -> set[str]:
    """`POST /v1/files/<file_id>` and the like of some endpoints; HEAD and OPTIONS come by themselves."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.endpoint.startswith(prefix) and not rule.endpoint.endswith("static")
    }


def is_named(route: str, text: str) -> bool:
    """Whether a line names method and path, or calls the path by curl; variables may stand in any brackets."""
    method, _, path = route.partition(" ")
    parts = re.split(r"<[^>]+>", path)
    pattern = r"(?:<[^>]+>|\{\w+\}|[:$]\w+)".join(map(re.escape, parts)) + r"(?![\w/<{])"
    lines = (line for line in text.splitlines() if re.search(pattern, line))
    return any(method in re.findall(r"[A-Z]+", line) or "curl" in line for line in lines)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every route of both servers."""
    service = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url="http://127.0.0.1:9/v1"))
    engine = create_engine(EngineConfig(data_dir=tmp_path_factory.mktemp("data")))
    return routes_of(service) | routes_of(engine)


def test_every_route_is_documented(routes: set[str]) -> None:
    documents = read("README.md") + read("docs/wire.md")
    assert {"GET /status", "POST /chat", "POST /v1/fine_tuning/jobs"} <= routes
    assert sorted(route for route in routes if not is_named(route, documents)) == []


def test_a_route_is_not_taken_for_another() -> None:
    assert is_named("GET /jobs/<job_id>", "`GET /jobs/{job_id}`")
    assert is_named("GET /status", "curl http://127.0.0.1:9527/status")
    assert not is_named("GET /jobs/<job_id>", "`GET /jobs/{job_id}/events`")
    assert not is_named("DELETE /jobs/<job_id>", "`GET /jobs/{job_id}`")
    assert not is_named("GET /job", "`GET /jobs`")


def test_every_setting_stands_in_the_example_file_and_no_other_does() -> None:
    named = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", read(".env.example"), re.MULTILINE))
    assert sorted(named) == SETTINGS


def settings_told(readme: str) -> list[tuple[str, str]]:
    """(setting, default) of each row of the tables of settings, which have three columns."""
    rows = (line.split("|") for line in prose(readme).splitlines() if re.match(r"\| `[A-Z][A-Z0-9_]+` \|", line))
    return [(row[1].strip(" `"), row[2]) for row in rows if len(row) == 5]


@pytest.mark.parametrize("readme", README)
def test_every_setting_stands_in_the_table(readme: str) -> None:
    assert sorted(name for name, _ in settings_told(readme)) == SETTINGS


def test_both_languages_have_the_same_defaults() -> None:
    english, chinese = map(settings_told, README)
    assert english == chinese


def test_every_supported_architecture_is_named_with_its_models() -> None:
    words = " ".join(read("README.md").split())
    assert [name for name, one in SUPPORTED.items() if f"`{name}` ({one.models})" not in words] == []
    for document in ("README.zh-CN.md", "docs/wire.md"):
        assert [name for name in SUPPORTED if f"`{name}`" not in read(document)] == []


def relative_links() -> Iterator[tuple[str, str]]:
    """(document, target) of every link that leads to a file of ours."""
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        name = document.relative_to(ROOT).as_posix()
        for target in _LINK.findall(prose(name)):
            if not re.match(r"[a-z]+:", target):
                yield name, target


def led_to(document: str, target: str) -> tuple[Path, str]:
    """The file of ours that a link leads to, and the heading in it, empty for none."""
    name, _, heading = target.partition("#")
    return ((ROOT / document).parent / name if name else ROOT / document).resolve(), heading


def anchors(document: Path) -> set[str]:
    """The headings of a document as links name them."""
    titles = re.findall(r"^#{1,6} (.+)$", _FENCE.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_relative_link_leads_somewhere() -> None:
    links = list(relative_links())
    assert links
    assert [link for link in links if not led_to(*link)[0].exists()] == []


def test_every_link_to_a_heading_finds_it() -> None:
    places = {link: led_to(*link) for link in relative_links()}
    assert [link for link, (file, heading) in places.items() if heading and heading not in anchors(file)] == []


@pytest.mark.parametrize("readme", README)
def test_a_newcomer_is_told_what_the_first_command_needs(readme: str) -> None:
    before = read(readme).partition("\n```shell")[0]
    needed = ("Python 3.11", "`make`", "`curl`", "git clone", "python3-venv", "GB", "PIP_EXTRA_INDEX_URL", "windows.md")
    assert [one for one in needed if one not in before] == []


def test_every_page_is_there_in_both_languages() -> None:
    assert {"docs/tutorial.md", "docs/how-to/azure.md", "docs/explanation/lora.md"} <= {
        one for one, _ in translations()
    }
    there = {page.relative_to(ROOT).as_posix() for page in CHINESE.rglob("*.md")} | {README[1]}
    assert there == {chinese for _, chinese in translations()}


@pytest.mark.parametrize(("english", "chinese"), translations())
def test_a_page_says_the_same_in_both_languages(english: str, chinese: str) -> None:
    assert _HEADING.findall(prose(english)) == _HEADING.findall(prose(chinese))
    assert [one.same_in_both for one in blocks(ROOT / english)] == [one.same_in_both for one in blocks(ROOT / chinese)]
    assert leads(english) == leads(chinese)
    rows, translated = (_ROW.findall(prose(page)) for page in (english, chinese))
    assert [figures(row) for row in rows] == [figures(row) for row in translated]
    assert [ours for ours, theirs in zip(rows, translated, strict=True) if literals(ours) - literals(theirs)] == []
    assert literals(prose(english)) - literals(prose(chinese)) == set()


def leads(page: str) -> list[str]:
    """Where a page leads, without the language; headings are called otherwise in each."""
    found = (led_to(page, target)[0].relative_to(ROOT).as_posix() for target in _LINK.findall(prose(page)))
    plain = (re.sub(r"\.(?:en|zh)\.png$", ".png", name) for name in found)
    return sorted(name.replace("docs/zh/", "docs/").replace(".zh-CN", "") for name in plain)


def figures(row: str) -> list[str]:
    """The numbers in a row of a table, in no order: languages order words otherwise."""
    return sorted(_NUMBER.findall(row))


def literals(text: str) -> set[str]:
    """What a text names as it stands in code, on the wire or on the screen."""
    return {" ".join(literal.split()) for literal in _LITERAL.findall(text)}


EVERY_PAGE = [*documents(), *(chinese for _, chinese in translations())]


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_what_may_be_typed_on_a_page_is_known_to_be_commands(page: str) -> None:
    """So that it is either typed by a test or says why not."""
    assert {block.language for block in blocks(ROOT / page)} <= COMMANDS | SHOWN
    assert len(blocks(ROOT / page)) == len(re.findall(r"^ *(?:```|~~~)", read(page), re.MULTILINE)) / 2
    assert [one.code for one in blocks(ROOT / page) if one.language in SHOWN and _PROMPT.search(one.code)] == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_commands_that_no_test_runs_are_out_of_its_reach(page: str) -> None:
    assert [one.code for one in blocks(ROOT / page) if one.reason and not one.is_out_of_reach] == []


def test_pictures_are_light_and_none_is_kept_that_is_not_shown() -> None:
    shown = {target for _, target in relative_links() if target.endswith(".png")}
    kept = list((ROOT / "docs" / "pictures").glob("*.png"))
    assert shown == {picture.relative_to(ROOT).as_posix() for picture in kept}
    assert [picture.name for picture in kept if picture.stat().st_size > MOST_PICTURE_BYTES] == []


@pytest.mark.parametrize("document", [*README, "CHANGELOG.md", "docs/wire.md"])
def test_no_placeholder_is_left(document: str) -> None:
    assert re.findall(r"^@[A-Z]+@$|\bTODO\b|\bTBD\b", read(document), re.MULTILINE) == []
