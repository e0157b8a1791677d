"""Nothing is unpickled: not in this process, not in the children that read models, not in what the house calls."""

import json
import os
import pickle
import subprocess
from pathlib import Path

import pytest

import lifeline
from tests.architecture_rules import read_modules
from tests.conftest import REFUSED
from tests.execution_rules import check_execution
from unpickling import UnpicklingRefused

POISON = pickle.dumps(os.getcwd)


def test_what_could_be_called_is_not_loaded_and_a_test_that_tries_would_fail() -> None:
    with pytest.raises(UnpicklingRefused, match=r"posix\.getcwd|nt\.getcwd"):
        pickle.loads(POISON)
    with pytest.raises(UnpicklingRefused):
        pickle._loads(POISON)  # type: ignore[attr-defined]
    assert len(REFUSED) == 2
    REFUSED.clear()


def test_plain_values_run_nothing() -> None:
    assert pickle.loads(pickle.dumps({"a": [1, "b"]})) == {"a": [1, "b"]}


@pytest.mark.parametrize(
    ("module", "library"),
    [("engine.trainer", "safetensors"), ("engine.trainer.count", "gguf"), ("engine.serving.llamacpp", "xllamacpp")],
)
def test_a_library_that_unpickles_in_a_child_ends_it(tmp_path: Path, module: str, library: str) -> None:
    """A package of the library's name, found before the real one, loads a pickle as it is imported."""
    (tmp_path / f"{library}.py").write_text(f"import pickle\npickle.loads({POISON!r})\n", encoding="utf-8")
    served = {"files": ["x"], "socket": None, "embeds": False, "context_tokens": 64, "parallel": 1, "threads": 1}
    given = {"engine.trainer": [str(tmp_path)], "engine.serving.llamacpp": [json.dumps(served)]}
    arguments = [module, *given.get(module, ["x", "x", "1"])]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with lifeline.spawn(arguments, subprocess.PIPE, environment) as child:
        assert child.stderr is not None
        last_words = child.stderr.read()
        assert child.wait(60) == 1
    assert b"none is loaded here" in last_words


def test_a_library_that_unpickles_in_the_child_of_a_run_ends_it(tmp_path: Path) -> None:
    (tmp_path / "wandb.py").write_text(f"import pickle\npickle.loads({POISON!r})\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with lifeline.spawn(["engine.reporting.wandb_child"], subprocess.DEVNULL, environment) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps({"kind": "begin", "mode": "offline", "folder": str(tmp_path)}).encode() + b"\n")
        child.stdin.flush()
        answer = json.loads(child.stdout.readline())
        lifeline.kill(child)
    assert answer["kind"] == "error"
    assert "none is loaded here" in answer["message"]


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "def f():\n    import dill",
        "import_module('shelve')",
        "torch.load(path)",
        "torch.load(path, weights_only=True)",
        "load(path, weights_only=False)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=setting)",
        "subprocess.run(line, shell=True)",
        "os.system(line)",
        "eval(text)",
        "exec(text)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
    ],
)
def test_what_could_run_a_file_or_a_text_is_caught(tmp_path: Path, text: str) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "jobs.py").write_text(text, encoding="utf-8")
    assert {found.rule for found in check_execution(read_modules(tmp_path))} == {"execution"}


@pytest.mark.parametrize("text", ["model.eval()", "run(line, shell=False)", "re.compile(x)", "safetensors.load(x)"])
def test_what_runs_nothing_passes(tmp_path: Path, text: str) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "jobs.py").write_text(text, encoding="utf-8")
    assert list(check_execution(read_modules(tmp_path))) == []
