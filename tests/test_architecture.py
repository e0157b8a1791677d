"""The house holds its own rules, and each rule is shown to catch what it forbids."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture_rules import (
    PACKAGES,
    SCRIPTS,
    Modules,
    Violation,
    check_broad_excepts,
    check_cycles,
    check_docstrings,
    check_environment,
    check_homes,
    check_imports,
    check_names,
    check_openai,
    read_modules,
)
from tests.ceiling_rules import check_annotations, check_ceilings
from tests.execution_rules import check_execution

ROOT = Path(__file__).resolve().parent.parent

# Where everything may be caught, because a thread or a process ends there.
EDGES = {
    "engine/worker.py": 2,
    "engine/fetching.py": 1,
    "engine/serving/pool.py": 1,
    "engine/webhooks/deliveries.py": 2,
    "engine/reporting/reports.py": 1,
    "engine/reporting/wandb_child.py": 1,
}

# (rule, where) -> the paragraph in docs/decisions that allows it.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("imports", "services/files.py"): "0003-who-checks-training-data.md",
    ("imports", "services/datasets.py"): "0003-who-checks-training-data.md",
    ("imports", "services/outlook.py"): "0003-who-checks-training-data.md",
    ("imports", "engine/validation.py"): "0003-who-checks-training-data.md",
}

Rule = Callable[[Modules], Iterator[Violation]]


def check_edges(modules: Modules) -> Iterator[Violation]:
    """Nothing catches everything but the edges named here."""
    return check_broad_excepts(modules, EDGES)


RULES: tuple[Rule, ...] = (
    check_imports,
    check_cycles,
    check_homes,
    check_environment,
    check_openai,
    check_names,
    check_docstrings,
    check_edges,
    check_ceilings,
    check_annotations,
    check_execution,
)
SCRIPT_RULES: tuple[Rule, ...] = (check_names, check_docstrings, check_ceilings, check_execution)


def plant(root: Path, files: dict[str, str]) -> Modules:
    """Write a small source tree and read it."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return read_modules(root)


@cache
def violations(rule: Rule) -> list[Violation]:
    """What breaks the rule in the house as it stands."""
    return list(rule(read_modules(ROOT)))


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    assert [violation for violation in violations(rule) if violation[:2] not in EXCEPTIONS] == []


@pytest.mark.parametrize("rule", SCRIPT_RULES)
def test_scripts_keep_the_rule(rule: Rule) -> None:
    assert list(rule(read_modules(ROOT, SCRIPTS, top=False))) == []


def test_tests_are_named_and_described() -> None:
    modules = read_modules(ROOT, ("tests",), top=False)
    assert [*check_names(modules), *check_docstrings(modules)] == []


def test_tests_stay_under_the_ceilings_too() -> None:
    found = check_ceilings(read_modules(ROOT, ("tests",), top=False))
    assert [one for one in found if one.rule != "nesting"] == []  # the rules themselves walk trees


def test_every_exception_is_needed_and_has_its_decision() -> None:
    needed = {violation[:2] for rule in RULES for violation in violations(rule)}
    assert set(EXCEPTIONS) <= needed
    for decision in EXCEPTIONS.values():
        assert (ROOT / "docs" / "decisions" / decision).is_file()


def test_the_house_is_really_read() -> None:
    assert {"config.engine", "dataprep", "dataprep.checks.checker"} <= set(read_modules(ROOT, PACKAGES))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("services/files.py", "from engine import store"),
        ("services/files.py", "def late() -> None:\n    import engine.store"),
        ("services/files.py", "from config import ServiceConfig"),
        ("services/files.py", "from routes.errors import show"),
        ("services/files.py", "from importlib import import_module\nimport_module('engine.jobs')"),
        ("app.py", "import engine.app"),
        ("routes/chat.py", "from engine.chat import stream"),
        ("routes/chat.py", "from ..engine import chat"),
        ("wire/ids.py", "import dataprep"),
        ("dataprep/checker.py", "from wire import ids"),
        ("engine/files.py", "from services import files"),
        ("engine/jobs.py", "import dataprep"),
        ("engine/jobs.py", "from engine.routes import errors"),
        ("engine/jobs.py", "from engine.app import create_engine"),
        ("engine/worker.py", "from engine.trainer import loop"),
        ("engine/store.py", "from engine import jobs"),
        ("engine/trainer/loop.py", "from engine import store"),
        ("engine/jobs.py", "from config import EngineConfig"),
        ("stray.py", "import wire"),
    ],
)
def test_an_import_that_the_table_does_not_allow_is_caught(tmp_path: Path, path: str, text: str) -> None:
    stubs = {"engine/__init__.py": "", "engine/store.py": "", "engine/routes/errors.py": ""}
    found = list(check_imports(plant(tmp_path, {**stubs, path: text})))
    assert {violation.where for violation in found} == {path}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app.py", "from routes import chat\nfrom services import client\nfrom config import ServiceConfig"),
        ("routes/upload_files.py", "import dataprep\nfrom wire import envelope"),
        ("engine/files.py", "import dataprep\nfrom engine.store import Store"),
        ("engine/routes/files.py", "from engine import files"),
        ("engine/__main__.py", "from engine.app import create_engine\nfrom config import EngineConfig"),
        ("engine/trainer/loop.py", "import torch\nfrom engine.trainer import data"),
    ],
)
def test_an_import_that_the_table_allows_passes(tmp_path: Path, path: str, text: str) -> None:
    modules = plant(tmp_path, {path: text})
    assert [*check_imports(modules), *check_homes(modules)] == []


@pytest.mark.parametrize(
    "files",
    [
        {"wire/a.py": "import wire.b", "wire/b.py": "from wire import a"},
        {"wire/a.py": "import wire.b", "wire/b.py": "import wire.c", "wire/c.py": "def f():\n  from .a import x"},
    ],
)
def test_a_cycle_is_caught_even_when_lazy(tmp_path: Path, files: dict[str, str]) -> None:
    assert {violation.where for violation in check_cycles(plant(tmp_path, files))} == set(files)


def test_a_chain_is_no_cycle(tmp_path: Path) -> None:
    files = {"wire/a.py": "import wire.b", "wire/b.py": "import wire.c", "wire/c.py": ""}
    assert list(check_cycles(plant(tmp_path, files))) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("engine/jobs.py", "def f():\n    import torch.nn"),
        ("engine/models.py", "from transformers import AutoModel"),
        ("engine/jobs.py", "from flask import request"),
        ("engine/jobs.py", "import sqlalchemy"),
        ("services/chat.py", "import flask"),
        ("routes/chat.py", "import openai"),
        ("wire/ids.py", "import flask"),
        ("wire/ids.py", "import os"),
        ("wire/ids.py", "import requests"),
        ("dataprep/checker.py", "import pydantic"),
        ("dataprep/checker.py", "import subprocess"),
    ],
)
def test_a_package_away_from_its_home_is_caught(tmp_path: Path, path: str, text: str) -> None:
    assert {violation.where for violation in check_homes(plant(tmp_path, {path: text}))} == {path}


@pytest.mark.parametrize(
    "text", ["import os\nA = os.environ['A']", "import os\nos.getenv('A')", "from os import getenv"]
)
def test_reading_the_environment_outside_the_configuration_is_caught(tmp_path: Path, text: str) -> None:
    assert len(list(check_environment(plant(tmp_path, {"services/chat.py": text, "config/environment.py": text})))) == 1


def test_handing_the_environment_on_is_no_reading(tmp_path: Path) -> None:
    text = "import os\nos.environ['A'] = '1'\nos.environ.setdefault('B', '2')\nlifeline.needed(os.environ)"
    assert list(check_environment(plant(tmp_path, {"engine/run.py": text}))) == []


@pytest.mark.parametrize("text", ["OpenAI()", "openai.OpenAI(api_key='x')", "AsyncOpenAI()", "AzureOpenAI()"])
def test_a_second_maker_of_clients_is_caught(tmp_path: Path, text: str) -> None:
    found = check_openai(plant(tmp_path, {"services/client.py": text, "services/chat.py": text}))
    assert [violation.where for violation in found] == ["services/chat.py"]


@pytest.mark.parametrize("path", ["engine/utils.py", "wire/common.py", "services/helpers/files.py"])
def test_a_name_that_says_nothing_is_caught(tmp_path: Path, path: str) -> None:
    assert [violation.where for violation in check_names(plant(tmp_path, {path: ""}))] == [path]


def test_a_module_without_docstring_is_caught(tmp_path: Path) -> None:
    modules = plant(tmp_path, {"wire/a.py": '"""What it is."""\n', "wire/b.py": "A = 1\n"})
    assert [violation.where for violation in check_docstrings(modules)] == ["wire/b.py"]


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("try:\n    f()\nexcept Exception:\n    pass", True),
        ("try:\n    f()\nexcept:\n    pass", True),
        ("try:\n    f()\nexcept (ValueError, BaseException):\n    pass", True),
        ("with contextlib.suppress(Exception):\n    f()", True),
        ("try:\n    f()\nexcept BaseException:\n    stop()\n    raise", False),
        ("try:\n    f()\nexcept ValueError:\n    pass", False),
    ],
)
def test_catching_everything_is_caught(tmp_path: Path, text: str, caught: bool) -> None:
    modules = plant(tmp_path, {"engine/jobs.py": text})
    assert bool(list(check_broad_excepts(modules, {}))) is caught
    assert list(check_broad_excepts(modules, {"engine/jobs.py": 1})) == []


DEEP = "def f(a: list) -> None:\n    for b in a:\n        if b:\n            with b:\n                {deepest}\n"
CHAIN = "def f(a: int) -> int:\n    for b in a:\n        if a == 1:\n            b()\n" + "".join(
    f"        elif a == {number}:\n            b()\n" for number in range(2, 6)
)
VIEW = '@bp.post("/chat")\ndef chat():\n    """Say it."""\n'


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("module length", "A = 1\n" * 301),
        ("function length", "def f() -> None:\n" + "    a = 1\n" * 40),
        ("nesting", DEEP.format(deepest="while b: pass")),
        ("parameters", "def f(a, b, c, d, e, f, g): pass"),
        ("parameters", "class A:\n    def f(self, a, b, *, c, d, e, f, **g): pass"),
        ("view length", VIEW + "    a = 1\n" * 9),
    ],
)
def test_breaking_a_ceiling_is_caught(tmp_path: Path, rule: str, text: str) -> None:
    assert [violation.rule for violation in check_ceilings(plant(tmp_path, {"wire/a.py": text}))] == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "A = 1\n" * 300,
        "def f() -> None:\n" + "    a = 1\n" * 39,
        DEEP.format(deepest="pass"),
        CHAIN,
        "class A:\n    def f(self, a, b, c, d, e, f): pass",
        VIEW + "    # why\n\n" + "    a = 1\n" * 8,
    ],
)
def test_touching_a_ceiling_passes(tmp_path: Path, text: str) -> None:
    assert list(check_ceilings(plant(tmp_path, {"wire/a.py": text}))) == []


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("def f(a) -> int: ...", True),
        ("def f(a: int): ...", True),
        ("def f(*a) -> int: ...", True),
        ("class A:\n    def f(self, a): ...", True),
        ("class A:\n    def f(self, a: int) -> int: ...", False),
        ("def _f(a): ...", False),
        ("def f() -> None:\n    def g(a): ...", False),
    ],
)
def test_a_public_function_without_types_is_caught(tmp_path: Path, text: str, bare: bool) -> None:
    assert bool(list(check_annotations(plant(tmp_path, {"wire/a.py": text})))) is bare
