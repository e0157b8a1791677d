"""The ceilings on modules, functions and views, and the types of public functions; who uses what is not here."""

import ast
from collections.abc import Iterator

from tests.architecture_rules import Module, Modules, Violation, called

VIEW_DECORATORS = {"route", "get", "post", "put", "patch", "delete"}
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
MAX_MODULE, MAX_FUNCTION, MAX_NESTING, MAX_PARAMETERS, MAX_VIEW = 300, 40, 3, 6, 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(module: Module) -> Iterator[tuple[Function, str, bool]]:
    """Every function with its dotted name in the module, and whether it is a method."""
    waiting: list[tuple[ast.AST, str, bool]] = [(module.tree, "", False)]
    while waiting:
        parent, prefix, inside_class = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, Function):
                yield node, prefix + node.name, inside_class
                waiting.append((node, f"{prefix}{node.name}.<locals>.", False))
            elif isinstance(node, ast.ClassDef):
                waiting.append((node, f"{prefix}{node.name}.", True))
            else:
                waiting.append((node, prefix, inside_class))


def check_ceilings(modules: Modules) -> Iterator[Violation]:
    """Modules, functions, nesting, parameters and views stay under their ceilings."""
    for module in modules.values():
        lines = len(module.text.splitlines())
        if lines > MAX_MODULE:
            yield Violation("module length", module.path, f"{lines} lines")
        for function, name, is_method in functions_of(module):
            where = f"{module.path}:{name}"
            measures = {
                "function length": ((function.end_lineno or 0) - function.lineno + 1, MAX_FUNCTION),
                "nesting": (nesting_of(function), MAX_NESTING),
                "parameters": (count_parameters(function, is_method), MAX_PARAMETERS),
                "view length": (view_length(function, module.text), MAX_VIEW),
            }
            for rule, (measured, ceiling) in measures.items():
                if measured > ceiling:
                    yield Violation(rule, where, f"{measured}, at most {ceiling}")


def nesting_of(function: Function) -> int:
    """The deepest block within a function; an `elif` is no deeper than its `if`, an inner function starts anew."""

    def depth(node: ast.AST, level: int) -> int:
        deepest = level
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function | ast.Lambda | ast.ClassDef):
                continue
            is_elif = isinstance(child, ast.If) and isinstance(node, ast.If) and child in node.orelse
            is_elif = is_elif and child.col_offset == node.col_offset  # type: ignore[attr-defined]
            deeper = isinstance(child, BRANCHES) and not is_elif
            deepest = max(deepest, depth(child, level + deeper))
        return deepest

    return depth(function, 0)


def count_parameters(function: Function, is_method: bool) -> int:
    """How many parameters a caller sees: not `self`, `cls`, or the `ctx` of an autograd function."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args]
    hidden = is_method and bool(every) and every[0].arg in ("self", "cls", "ctx")
    stars = (arguments.vararg is not None) + (arguments.kwarg is not None)
    return len(every) + len(arguments.kwonlyargs) + stars - hidden


def view_length(function: Function, text: str) -> int:
    """Lines of a Flask view's body without docstring, blank lines and comments; 0 if it is no view."""
    if not any(isinstance(mark, ast.Call) and called(mark) in VIEW_DECORATORS for mark in function.decorator_list):
        return 0
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    lines = text.splitlines()[body[0].lineno - 1 : function.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def check_annotations(modules: Modules) -> Iterator[Violation]:
    """Every public function tells the types of all its parameters and of its result."""
    for module in modules.values():
        for function, name, is_method in functions_of(module):
            if any(part.startswith("_") and not part.startswith("__") for part in name.split(".")) or "<" in name:
                continue
            arguments = function.args
            every = [*arguments.posonlyargs, *arguments.args][is_method:] + arguments.kwonlyargs
            every += [star for star in (arguments.vararg, arguments.kwarg) if star is not None]
            bare = [argument.arg for argument in every if argument.annotation is None and argument.arg != "cls"]
            if bare or function.returns is None:
                yield Violation("annotations", f"{module.path}:{name}", f"without types: {bare or 'the result'}")
