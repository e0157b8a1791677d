"""The rule that nothing the house reads can be run: no pickles, no shell, no code out of texts or repositories."""

import ast
from collections.abc import Iterator

from tests.architecture_rules import Module, Modules, Violation, called, imports_of

# What loads pickles, or bytecode, or starts a shell, whatever it is called with.
RUNS = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle", "pty", "code"}
CALLS = {
    *("eval", "exec", "compile", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "pd.read_pickle"),
    *("torch.load", "torch.jit.load", "torch.hub.load", "np.load", "numpy.load", "os.system", "os.popen"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
}
NOT_TRUE = {"shell", "trust_remote_code", "allow_pickle"}
MUST_NOT_BE_FALSE = {"weights_only"}


def check_execution(modules: Modules) -> Iterator[Violation]:
    """Nobody loads a pickle, starts a shell, or runs what a file or a text says."""
    for module in modules.values():
        yield from (
            Violation("execution", module.path, f"line {line} imports {name}")
            for name, line in imports_of(module, modules)
            if name.partition(".")[0] in RUNS
        )
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                yield from _calls(module, node)


def _calls(module: Module, node: ast.Call) -> Iterator[Violation]:
    name = ast.unparse(node.func)
    if name in CALLS:
        yield Violation("execution", module.path, f"line {node.lineno} calls {name}")
    for given in node.keywords:
        harmless = isinstance(given.value, ast.Constant) and not given.value.value
        if given.arg in NOT_TRUE and not harmless:
            yield Violation("execution", module.path, f"line {node.lineno} gives {called(node)} {given.arg}")
        if given.arg in MUST_NOT_BE_FALSE and harmless:
            yield Violation("execution", module.path, f"line {node.lineno} gives {called(node)} {given.arg}=False")
