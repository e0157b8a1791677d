"""The Postman collection is what the service gives out, and newman runs all of it against a live one."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from config import ServiceConfig
from tests.contract.clients.catalogue import Client
from tests.contract.clients.environments import interpreter
from tests.fakes.ports import until
from tests.fakes.service import NO_DATA
from tests.live_service import LiveService

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "examples" / "postman_collection.json"
ENVIRONMENT = ROOT / "examples" / "postman_environment.json"
NEWMAN = Client("newman", "Postman's newman", "newman", "../../examples/newman")
DOCUMENTED = ["GET /status", "POST /upload_files", "POST /fine_tuning", "POST /retrieve", "POST /chat"]


@pytest.fixture(scope="module")
def given_out() -> bytes:
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url="http://127.0.0.1:9/v1")).test_client()
    return bytes(client.get("/postman.json").data)


def items(folder: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for item in folder["item"] for one in (items(item) if "item" in item else [item])]


def test_the_file_is_what_the_service_gives_out(given_out: bytes) -> None:
    how = "curl http://127.0.0.1:9527/postman.json -o examples/postman_collection.json"
    assert COLLECTION.read_bytes() == given_out, f"write it anew: {how}"


def test_every_call_is_in_it_and_the_documented_ones_come_first(given_out: bytes) -> None:
    collection = json.loads(given_out)
    told = [item["name"] for item in items(collection)]
    assert told[:5] == DOCUMENTED
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url="http://127.0.0.1:9/v1")).test_client()
    paths = client.get("/openapi.json").get_json()["paths"]
    assert sorted(told) == sorted(f"{method.upper()} {path}" for path, methods in paths.items() for method in methods)


def test_variables_are_chained_and_the_environment_hides_none_of_them(given_out: bytes) -> None:
    collection = json.loads(given_out)
    by_name = {item["name"]: item for item in items(collection)}
    assert "{{file_id}}" in by_name["POST /fine_tuning"]["request"]["body"]["raw"]
    assert "{{job_id}}" in by_name["POST /retrieve"]["request"]["body"]["raw"]
    assert "{{model}}" in by_name["POST /chat"]["request"]["body"]["raw"]
    upload = by_name["POST /upload_files"]["request"]["body"]["formdata"]
    assert (upload[0]["type"], (ROOT / "examples" / upload[0]["src"]).is_file()) == ("file", True)
    known = {one["key"] for one in collection["variable"]}
    ours = {one["key"] for one in json.loads(ENVIRONMENT.read_text("utf-8"))["values"]}
    assert ours == known - {"file_id", "job_id", "model"}


def running_job(service: LiveService) -> str:
    """Return the id of a job that trains, and would for longer than newman, which has to be loaded, takes to end it."""
    file = (ROOT / "examples" / "lighthouse.jsonl").read_bytes() * 100
    [sent] = service.call("POST", "/upload_files", files={"files": ("lighthouse.jsonl", file)})
    asked = {"training_file": sent["response"]["id"], "hyperparameters": {"n_epochs": 50, "batch_size": 1}}
    job_id = str(service.call("POST", "/fine_tuning", json=asked)["id"])
    until(lambda: service.step(job_id))
    return job_id


@pytest.mark.installs
def test_newman_runs_all_of_it_against_a_live_service(shared_service: LiveService) -> None:
    node = interpreter(NEWMAN)
    script = node.parents[1] / "drive.mjs"
    script.write_bytes(NEWMAN.script.read_bytes())
    command: list[str | Path] = [node, script, COLLECTION, ENVIRONMENT, ROOT / "examples", shared_service.url]
    running = running_job(shared_service)
    command.append(running)
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["schema"], told["failures"], told["deletedUnasked"]) == ([], [], [])
    assert shared_service.call("GET", f"/jobs/{running}")["status"] == "cancelled"
    assert told["moved"] == [[f"POST /jobs/{{job_id}}/{verb}", 200] for verb in ("pause", "resume", "cancel")]
    asked = list(dict.fromkeys(name for name, code in told["requests"] if code is not None))
    assert asked == [item["name"] for item in items(json.loads(COLLECTION.read_bytes()))]
    refused = {name for name, code in told["requests"] if code != 200}
    assert refused == {f"POST /jobs/{{job_id}}/{verb}" for verb in ("cancel", "pause", "resume")}, "it has ended"
