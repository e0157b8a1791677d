"""What is written for Docker and systemd holds: linted as text, and the commands in it run, outside a container."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.architecture_rules import PACKAGES
from tests.fakes.service import Service

ROOT = Path(__file__).resolve().parents[1]
UNIT = ROOT / "deploy" / "tune9527.service"
SECRET = re.compile(r"\bsk-|\bt9_|PASSWORD *[=:]|(KEY|SECRET|TOKEN)\w* *[=:] *\S")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, comments and line ends apart."""
    text = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)
    ]


def last(word: str) -> str:
    return [rest for found, rest in instructions() if found == word][-1]


def compose() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load(read("compose.yaml"))["services"]["tune9527"]
    return service


def unit() -> RawConfigParser:
    parser = RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `COPY . .` takes, by .dockerignore."""
    folder = tmp_path_factory.mktemp("image") / "app"
    for line in read(".dockerignore").splitlines():
        if line.startswith("!"):
            source, target = ROOT / line[1:], folder / line[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target)
    return folder


@pytest.fixture
def contained(image: Path, tmp_path: Path) -> Iterator[Service]:
    """The image's files and its settings, in an ordinary process; not yet started once more after its refusal."""
    settings = dict(re.findall(r"(DATA_DIR|HOST|PORT)=(\S+)", " ".join(rest for _, rest in instructions())))
    assert settings == {"DATA_DIR": "/data", "HOST": "0.0.0.0", "PORT": "9527"}

    class Contained(Service):
        folder = image

    service = Contained(
        HOST=settings["HOST"],
        ALLOWED_HOSTS="localhost",
        DATA_DIR=str(tmp_path / "data"),
        OPENAI_BASE_URL="http://127.0.0.1:9/v1",
    )
    yield service
    service.end()


def run(image: Path, command: list[str], **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of a container, where `python` is the image's."""
    assert command[0] == "python"
    return subprocess.run(
        [sys.executable, *command[1:]], cwd=image, env=settings, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_image_runs_as_nobody_in_particular_and_fetches_by_hash_alone() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER"))
    assert last("VOLUME") == last("ENV").partition("DATA_DIR=")[2].split()[0] == "/data"
    assert [rest for word, rest in instructions() if word == "ADD" or "curl" in rest] == []
    installs = [rest for _, rest in instructions() if "pip install" in rest]
    assert installs
    assert all("--require-hashes --only-binary :all:" in one for one in installs)
    assert (ROOT / "requirements" / "lock" / f"{last('ARG').partition('=')[2]}.txt").is_file()


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "deploy/tune9527.service", ".dockerignore"])
def test_no_secret_stands_in_the_files(name: str) -> None:
    assert SECRET.findall(read(name)) == []


def test_all_of_our_code_goes_into_the_image_and_no_key_or_data(image: Path) -> None:
    code = {path.name for path in ROOT.glob("*.py")} | {name for name in PACKAGES if (ROOT / name).is_dir()}
    there = {path.name for path in image.iterdir()}
    assert code <= there
    assert there & {".env", ".git", "data", "tests", ".venv"} == set()
    assert read(".dockerignore").splitlines()[1] == "*"


def test_a_container_asks_for_a_key_first_and_is_then_healthy(image: Path, contained: Service, tmp_path: Path) -> None:
    assert "make a key first" in contained.refusal()
    unhealthy = run(image, compose()["healthcheck"]["test"][1:], PORT=str(contained.port))
    assert unhealthy.returncode == 1, unhealthy
    key = run(image, ["python", "-m", "gate", "new", "--name", "me"], DATA_DIR=str(tmp_path / "data")).stdout.strip()
    contained.start()
    contained.wait()
    assert run(image, compose()["healthcheck"]["test"][1:], PORT=str(contained.port)).returncode == 0
    assert requests.get(f"{contained.url}/jobs", timeout=20).status_code == 401
    answer = requests.get(f"{contained.url}/jobs", headers={"Authorization": f"Bearer {key}"}, timeout=20)
    assert answer.status_code == 502, answer.text  # let in; there is no upstream


def test_compose_closes_what_the_service_does_not_need() -> None:
    service = compose()
    assert service["read_only"] is True
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert service["ports"] == ["127.0.0.1:9527:9527"]
    assert service["tmpfs"] == ["/tmp:size=2g"]
    assert service["volumes"] == ["data:/data"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)
    assert {"HOST", "PORT", "DATA_DIR", "ALLOWED_HOSTS"} == set(service["environment"])
    assert f'["{service["healthcheck"]["test"][0]}", ' not in last("HEALTHCHECK")
    assert last("HEALTHCHECK").endswith('CMD ["python", "deploy/healthcheck.py"]')


def test_the_unit_has_no_rights_and_gives_up_on_wrong_settings() -> None:
    service = unit()["Service"]
    assert service["User"] not in ("root", "0")
    expected = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "CapabilityBoundingSet": "", "UMask": "0077"}
    assert {name: service[name] for name in expected} == expected
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2")
    assert f"DATA_DIR=/var/lib/{service['StateDirectory']} " in service["Environment"]
    assert (ROOT / service["ExecStart"].split()[1]).is_file()


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed: the unit is not verified"
)
def test_systemd_itself_understands_the_unit(tmp_path: Path) -> None:
    there = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/tune9527/.venv/bin/python", sys.executable)
    there.write_text(text.replace("/opt/tune9527", str(ROOT)), encoding="utf-8")
    told = subprocess.run(["systemd-analyze", "verify", there], capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, UNIT.name in told.stderr) == (0, False), told.stderr


def test_the_how_to_names_only_what_there_is() -> None:
    commands = re.findall(r"^docker compose run --rm tune9527 python (.+)$", read("docs/deploy.md"), re.MULTILINE)
    assert commands
    assert set(commands) <= set(
        re.findall(r"^# docker compose run --rm tune9527 python (.+)$", read("compose.yaml"), re.MULTILINE)
    )
    for command in commands:
        module = command.split()[1]
        helped = subprocess.run(
            [sys.executable, "-m", module, command.split()[2], "--help"], cwd=ROOT, capture_output=True, check=False
        )
        assert helped.returncode == 0
