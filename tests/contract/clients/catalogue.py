"""Which clients there are, their versions, and what each does here, read from its own script; runs nothing."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[2]

_SCRIPT_CASE = re.compile(r"^/\*\* (.+) \*/\nexport async function (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Client:
    """One client in one version; `package` is its name in the index, `folder` where its script and versions are.

    `settings` are those of the engine that it wants. `borrows_torch`: it imports PyTorch, though not for what is done
    here, and gets to see the engine's, which would be several GB a second time.
    """

    name: str
    title: str
    package: str
    folder: str
    requirements: str = "requirements.txt"
    settings: tuple[tuple[str, str], ...] = ()
    borrows_torch: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether we have it ourselves, in the environment that the tests run in."""
        return self.requirements == _OURS

    @property
    def script(self) -> Path:
        """The module whose public functions are the cases, in order; the first line of each says what is done."""
        return next((FOLDER / self.folder).glob("drive.*"))

    @property
    def pinned(self) -> list[Path]:
        """The files that name the version of everything in the client's environment."""
        folder = FOLDER / self.folder
        return [folder / self.requirements, *sorted(folder.glob("package*.json"))]

    @property
    def version(self) -> str:
        """The client's own version, from those files."""
        requirements, *node = self.pinned
        if node:
            return str(json.loads(node[1].read_text(encoding="utf-8"))["dependencies"][self.package])
        found = re.search(rf"^{re.escape(self.package)}==(\S+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
        assert found, f"{requirements} does not name {self.package}"
        return found[1]

    @property
    def cases(self) -> dict[str, str]:
        """What is done in each case, by its name."""
        text = self.script.read_text(encoding="utf-8")
        if self.script.suffix == ".mjs":
            return {name: words for words, name in _SCRIPT_CASE.findall(text)}
        functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
        public = [function for function in functions if not function.name.startswith("_")]
        return {function.name: (ast.get_docstring(function) or "").partition("\n")[0] for function in public}


_OURS = "../../../../requirements/service.txt"
# For those that know OpenAI's names alone.
_OPENAI_NAMES = (("BASE_IN_NAMES", "gpt-3.5-turbo-1106"),)
CLIENTS = (
    Client("openai-3", "OpenAI's Python SDK, 3.x", "openai", "openai_python", _OURS),
    Client("openai-1", "OpenAI's Python SDK, 1.x", "openai", "openai_python"),
    Client("openai-node", "OpenAI's Node SDK", "openai", "openai_node"),
    Client("litellm", "LiteLLM's SDK", "litellm", "litellm"),
    Client("langchain", "LangChain", "langchain-openai", "langchain"),
    Client("instructor", "instructor", "instructor", "instructor"),
    Client(
        "llama-index", "LlamaIndex", "llama-index-finetuning", "llama_index", settings=_OPENAI_NAMES, borrows_torch=True
    ),
    Client("dspy", "DSPy", "dspy", "dspy", settings=_OPENAI_NAMES),
)
