"""The rules of who may use what, as functions over a source tree that return what breaks them.

Sizes and types of functions are in `ceiling_rules`; `test_architecture` applies both.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("config", "gate", "observe", "routes", "services", "wire", "dataprep", "engine", "dashboard")
TOP = ("app", "lifeline", "loopback", "httpd", "opening", "unpickling", "sandbox", "limits")
SCRIPTS = ("bench", "deploy", "examples", "supply")

# Who may import whom; the longest name that fits a module counts. "x" stands for x and all inside it.
IMPORTS: dict[str, set[str]] = {
    "app": {"routes", "dashboard", "services", "wire", "config", "gate", "observe", "httpd", "opening", "lifeline"},
    "routes": {"routes", "services", "wire", "gate", "observe", "dataprep"},
    "observe": {"observe"},
    "gate": {"gate", "wire"},
    "gate.__main__": {"gate", "config", "observe"},
    "dashboard": {"dashboard", "routes", "services", "wire"},
    "services": {"services", "wire", "observe", "lifeline", "loopback"},
    "wire": {"wire"},
    "dataprep": {"dataprep"},
    "config": {"config"},
    "lifeline": {"sandbox"},
    "sandbox": set(),
    "limits": set(),
    "loopback": set(),
    "unpickling": set(),
    "opening": set(),
    "httpd": {"gate", "lifeline", "unpickling"},
    "engine": {"engine", "wire", "lifeline", "sandbox"},
    "engine.files": {"engine", "wire", "dataprep"},
    "engine.app": {"engine", "wire", "config", "gate", "observe", "lifeline", "sandbox"},
    "engine.__main__": {"engine", "wire", "config", "gate", "observe", "httpd", "lifeline", "sandbox"},
    "engine.routes": {"engine", "wire", "gate", "observe", "sandbox"},
    "engine.templates": {"engine", "lifeline", "sandbox", "limits", "unpickling"},
    "engine.reporting.wandb_child": {"lifeline", "limits", "unpickling"},
    "engine.store": {"engine.store", "engine.durable", "engine.lifecycle", "wire"},
    "engine.trainer": {
        *("engine.trainer", "engine.architectures", "engine.control_tokens", "engine.durable", "engine.lock"),
        *("wire", "lifeline", "limits", "unpickling"),
    },
    "engine.serving": {
        *("engine.serving", "engine.control_tokens", "engine.gguf_header", "wire"),
        *("lifeline", "sandbox", "limits", "loopback", "unpickling"),
    },
}
# Inside the engine only these may reach up.
CLOSED = {
    "engine.routes": {"engine.routes", "engine.app"},
    "engine.app": {"engine.__main__"},
    "engine.trainer": {"engine.trainer"},
    "engine.__main__": set[str](),
}
# Packages that have one home.
HOMES: dict[str, set[str]] = {
    "torch": {"engine.trainer"},
    "transformers": {"engine.trainer"},
    "peft": {"engine.trainer"},
    "flask": {"app", "routes", "dashboard", "engine.app", "engine.__main__", "engine.routes"},
    "werkzeug": {"app", "routes", "dashboard", "engine.app", "engine.routes", "gate.forms"},
    "sqlalchemy": {"engine.store"},
    "alembic": {"engine.store"},
    "openai": {"services"},
    "xllamacpp": {"engine.serving"},
    "granian": {"app", "httpd"},
    "urllib3": {"engine.webhooks"},
    "wandb": {"engine.reporting.wandb_child"},
}
# What a pure package may use besides the standard library, of which it leaves these alone.
PURE = {
    "wire": {"msgspec", "pydantic", "pydantic_core"},
    "dataprep": {"msgspec", "chardet", "python_calamine", "quicktok", "wasmtime"},
}
IMPURE = {"os", "socket", "subprocess", "threading", "sqlite3", "urllib.request", "http.client", "http.server"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "middleware"}
ENVIRONMENT_READERS = {"config/environment.py", "lifeline.py"}
_OPENAI = re.compile(r"(Async)?(Azure)?OpenAI")
_ENVIRONMENT = {"environ", "getenv", "environb"}


class Violation(NamedTuple):
    """One breach: the rule's name, `path` or `path:function`, and what is wrong there."""

    rule: str
    where: str
    detail: str


@dataclass(frozen=True)
class Module:
    """One source file, parsed; `name` is what an import calls it."""

    path: str
    name: str
    text: str
    tree: ast.Module


Modules = dict[str, Module]


def read_modules(root: Path, folders: Iterable[str] = PACKAGES, *, top: bool = True) -> Modules:
    """All modules of these folders and of the top of the tree at `root`; what is not there yet is left out."""
    files = sorted(root.glob("*.py")) if top else []
    for folder in folders:
        files += sorted((root / folder).rglob("*.py"))
    modules = (_read_module(file, root) for file in files)
    return {module.name: module for module in modules}


@cache
def _read_module(file: Path, root: Path) -> Module:
    path = file.relative_to(root)
    parts = path.with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = file.read_text(encoding="utf-8")
    return Module(path.as_posix(), name, text, ast.parse(text))


def belongs(name: str, homes: Iterable[str]) -> bool:
    """Whether a dotted name is one of `homes` or lies inside one."""
    return any(name == home or name.startswith(home + ".") for home in homes)


def imports_of(module: Module, modules: Modules) -> Iterator[tuple[str, int]]:
    """Every (dotted name, line) a module imports, lazily or by `import_module("name")` too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute_base(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner if inner in modules else base), node.lineno
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
            named = node.args[0] if node.args else None
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                yield named.value, node.lineno


def _absolute_base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    keep = len(package) - node.level + module.path.endswith("__init__.py")
    return ".".join([*package[:keep], *([node.module] if node.module else [])])


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def check_imports(modules: Modules) -> Iterator[Violation]:
    """Nobody imports whom the table does not let it, and nothing reaches up inside the engine."""
    for module in modules.values():
        home = max((home for home in IMPORTS if belongs(module.name, [home])), key=len, default=None)
        for name, line in imports_of(module, modules):
            if not belongs(name, (*PACKAGES, *TOP)):
                continue
            if home is None or not belongs(name, IMPORTS[home]):
                yield Violation("imports", module.path, f"line {line} imports {name}")
            for closed, users in CLOSED.items():
                if belongs(name, [closed]) and not belongs(module.name, {closed, *users}):
                    yield Violation("imports", module.path, f"line {line} reaches up to {name}")


def check_cycles(modules: Modules) -> Iterator[Violation]:
    """No module imports itself by a detour."""
    edges = {
        name: {target for target, _ in imports_of(module, modules) if target in modules and target != name}
        for name, module in modules.items()
    }
    for name in modules:
        reached, waiting = set[str](), list(edges[name])
        while waiting:
            target = waiting.pop()
            if target not in reached:
                reached.add(target)
                waiting += edges[target]
        if name in reached:
            yield Violation("cycle", modules[name].path, f"{name} imports itself by way of {sorted(edges[name])}")


def check_homes(modules: Modules) -> Iterator[Violation]:
    """A package that has a home is imported nowhere else; pure packages import next to nothing."""
    for module in modules.values():
        for name, line in imports_of(module, modules):
            package = name.partition(".")[0]
            if package in HOMES and not belongs(module.name, HOMES[package]):
                yield Violation("homes", module.path, f"line {line} imports {name}")
            for pure, allowed in PURE.items():
                if belongs(module.name, [pure]) and _stains(name, {pure, *allowed}):
                    yield Violation("purity", module.path, f"line {line} imports {name}")


def _stains(name: str, allowed: set[str]) -> bool:
    package = name.partition(".")[0]
    return belongs(name, IMPURE) or (package not in sys.stdlib_module_names and package not in allowed)


def check_environment(modules: Modules) -> Iterator[Violation]:
    """Only the configuration reads the environment."""
    for module in modules.values():
        if module.path in ENVIRONMENT_READERS:
            continue
        nodes = list(ast.walk(module.tree))
        harmless = {id(part) for node in nodes for part in _handed_on(node)}
        for node in nodes:
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "os" and node.attr in _ENVIRONMENT:
                if id(node) not in harmless:
                    yield Violation("environment", module.path, f"line {node.lineno} reads os.{node.attr}")
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                names = {alias.name for alias in node.names} & _ENVIRONMENT
                yield from (Violation("environment", module.path, f"imports os.{name}") for name in names)


def _handed_on(node: ast.AST) -> Iterator[ast.AST]:
    """`os.environ` where it is not read: written to for a library, or passed to a child as far as it needs it."""
    if isinstance(node, ast.Call) and called(node) == "needed":
        yield from node.args
    elif isinstance(node, ast.Call) and called(node) == "setdefault" and isinstance(node.func, ast.Attribute):
        yield node.func.value
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        yield node.value


def check_openai(modules: Modules) -> Iterator[Violation]:
    """Only services/client.py makes an OpenAI()."""
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _OPENAI.fullmatch(called(node)) and module.path != "services/client.py":
                yield Violation("openai", module.path, f"line {node.lineno} makes an OpenAI()")


def check_names(modules: Modules) -> Iterator[Violation]:
    """No module is called after nothing in particular."""
    for module in modules.values():
        if BANNED_NAMES & set(module.name.split(".")):
            yield Violation("names", module.path, "the name says nothing")


def check_docstrings(modules: Modules) -> Iterator[Violation]:
    """Every module says what it is."""
    for module in modules.values():
        if not ast.get_docstring(module.tree):
            yield Violation("docstrings", module.path, "no module docstring")


def check_broad_excepts(modules: Modules, edges: dict[str, int]) -> Iterator[Violation]:
    """`except Exception` stands at the edges named, as often as named; one that raises again is none."""
    for module in modules.values():
        nodes = (node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler | ast.Call))
        broad = [node.lineno for node in nodes if _is_broad(node)]
        if len(broad) > edges.get(module.path, 0):
            yield Violation("excepts", module.path, f"lines {broad} catch everything")


def _is_broad(node: ast.ExceptHandler | ast.Call) -> bool:
    if isinstance(node, ast.Call):
        caught = node.args if called(node) == "suppress" else []
    elif isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None:
        return False
    elif node.type is None:
        return True
    else:
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(isinstance(one, ast.Name) and one.id in ("Exception", "BaseException") for one in caught)
