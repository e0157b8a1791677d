"""What the requirements promise: `service.txt` names all that the service needs, and PyTorch is not among it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.architecture_rules import Modules, imports_of, read_modules
from tests.fakes.openai_upstream import ANSWER, CHAT_ID, FILE_ID, FINE_TUNED, JOB_ID, ORGANIZATION, FakeOpenAI
from tests.fakes.service import Service

ROOT = Path(__file__).resolve().parent.parent
SERVICE = ROOT / "requirements" / "service.txt"
WANDB = ROOT / "requirements" / "wandb.txt"
ENGINE = ROOT / "requirements" / "engine.txt"
LINE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'


def names(text: str) -> set[str]:
    """The packages of a requirements file, or of a part of one, in the form that PyPI compares."""
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(file: Path) -> set[str]:
    return names(file.read_text(encoding="utf-8"))


def named_for_our_code(file: Path) -> set[str]:
    ours, found, _ = file.read_text(encoding="utf-8").partition("# What these need in turn")
    assert found
    return names(ours)


def imported(modules: Modules, folders: Iterable[str]) -> set[str]:
    """The packages that modules in these folders import; `""` stands for the top of the tree."""
    packages = packages_distributions()
    return {
        normal(distribution)
        for module in modules.values()
        if module.path.rpartition("/")[0].partition("/")[0] in folders
        for name, _ in imports_of(module, modules)
        for distribution in packages.get(name.partition(".")[0], [])
    }


@pytest.fixture(scope="module")
def lean_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has the locked service and no more, every file by its hash."""
    folder = tmp_path_factory.mktemp("lean")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = ["--require-hashes", "--only-binary=:all:", "-r", str(ROOT / "requirements" / "lock" / "service.txt")]
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-compile", *wanted]
    subprocess.run(command, stdout=sys.stderr, timeout=500, check=True)
    return python


def test_the_service_imports_what_its_file_names_and_no_more() -> None:
    service = imported(
        read_modules(ROOT), {"", "config", "dashboard", "gate", "observe", "routes", "services", "wire", "dataprep"}
    )
    assert service == named_for_our_code(SERVICE)


def test_the_engine_and_the_quickstart_import_what_their_files_name() -> None:
    modules = read_modules(ROOT) | read_modules(ROOT, ["examples"], top=False)
    beyond_the_service = imported(modules, {"engine", "examples"}) - pinned(SERVICE)
    assert beyond_the_service == (named_for_our_code(ENGINE) - {"pip"}) | named_for_our_code(WANDB)


@pytest.mark.installs
@pytest.mark.skipif(sys.platform != "linux", reason="the versions are pinned as resolved on Linux")
def test_every_package_that_comes_along_is_pinned(lean_python: Path) -> None:
    listing = [str(lean_python), "-m", "pip", "list", "--disable-pip-version-check", "--format=freeze"]
    installed = names(subprocess.run(listing, capture_output=True, text=True, check=True).stdout)
    assert installed - {"pip", "setuptools"} == pinned(SERVICE)


@pytest.mark.installs
def test_the_five_calls_work_without_pytorch(
    lean_python: Path, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert subprocess.run([lean_python, "-c", "import torch"], capture_output=True, check=False).returncode == 1
    monkeypatch.setattr(Service, "python", lean_python)
    service = Service(OPENAI_API_KEY="sk-proj-0123456789", OPENAI_BASE_URL=upstream.base_url)
    try:
        drive(service.wait(), upstream)
    finally:
        said = service.end()
    assert "Traceback" not in said


def drive(service: Service, upstream: FakeOpenAI) -> None:
    """Make the five calls, each with what the one before answered."""

    def post(path: str, **options: Any) -> Any:
        reply = requests.post(service.url + path, timeout=20, **options)
        assert reply.ok, reply.text
        return reply.json()["response"]

    assert requests.get(f"{service.url}/status", timeout=20).json() == {"info": "ok", "response": {}}
    uploaded = post("/upload_files", files={"files": ("train.jsonl", LINE)})
    assert FILE_ID in json.dumps(uploaded)
    started = post("/fine_tuning", json={"training_file": FILE_ID})
    assert (started["id"], started["organization_id"]) == (JOB_ID, ORGANIZATION)
    upstream.finish()
    retrieved = post("/retrieve", json={"fine_tuning_job_id": JOB_ID})
    assert (retrieved["status"], retrieved["fine_tuned_model"]) == ("succeeded", FINE_TUNED)
    answered = post("/chat", json={"model": FINE_TUNED, "text": "你是谁？"})
    assert answered == {"content": ANSWER, "id": CHAT_ID, "model": FINE_TUNED}
