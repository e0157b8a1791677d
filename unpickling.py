"""Refuses to unpickle: a pickle may run any code, and nothing here has use for one. Python itself tells of each try.

Plain values in a pickle (numbers, texts, lists) run nothing, and Python tells of none.
"""

import sys


class UnpicklingRefused(RuntimeError):
    """A library was about to load a class or function out of a pickle."""


def refuse() -> None:
    """From now on, and until this process ends, let no pickle load anything that could be called."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "pickle.find_class":
        module, name = arguments[:2]
        raise UnpicklingRefused(f"A pickle asks for {module}.{name}; pickles may run any code and none is loaded here.")
