"""Tries the chat template of a model that came from outside in a child with little time and memory; it formats no chat.

A template is a program. Jinja's sandbox keeps it from Python's objects, but not from burning time and memory, and
llama.cpp renders it, without limits, as soon as it loads the model. So it is first rendered here, for a few chats.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lifeline
import limits
import sandbox
import unpickling
from engine import model_file
from engine.architectures import Unsupported

SECONDS = 1.0
MEMORY = 256 * 1024**2
LONGEST = 4_000_000
TEMPLATE = "tokenizer.chat_template"
_LEAST_SECONDS = 0.2  # of a machine so slow that the start took the rest
_PATIENCE = 10.0  # seconds by the clock, where others want the cores too
_GENERATION = re.compile(r"\{%-?\s*(end)?generation\s*-?%\}")  # transformers' own tag, which marks answers
_TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": "b"}}}
_USER, _ANSWER = {"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}
CHATS: tuple[list[dict[str, Any]], ...] = (
    [_USER],
    [{"role": "system", "content": "Be brief."}, _USER, _ANSWER, _USER, _ANSWER],
    [_USER, {"role": "assistant", "content": "", "tool_calls": [_CALL]}, {"role": "tool", "content": "x"}, _ANSWER],
)


def refuse_burning(path: Path, seconds: float = SECONDS) -> None:
    """Raise Unsupported if the template of the GGUF at `path`, whose header was judged, takes too much or escapes."""
    if not isinstance(model_file.facts(path).get(TEMPLATE), str):
        return
    command, walls = ["engine.templates", str(path.resolve()), str(seconds)], sandbox.Walls(reads=[path.resolve()])
    with lifeline.spawn(command, subprocess.DEVNULL, lifeline.needed(os.environ), walls) as child:
        assert child.stdout is not None
        stopper = threading.Timer(_PATIENCE, lifeline.kill, [child])
        stopper.start()
        try:
            said, code = child.stdout.read().decode(errors="replace").strip(), child.wait()
        finally:
            stopper.cancel()
    if code:
        reason = said if code == 1 and said else f"it takes more than {seconds:g} s of processor time for a short chat"
        raise Unsupported(f"The chat template of {path.name} is not used: {reason}.")


def main(path: Path, seconds: float) -> int:
    """Render the template of `path` for each of CHATS; print why not and return 1, or be ended by a signal."""
    lifeline.watch()
    limits.take(limits.LOG_BYTES)
    unpickling.refuse()
    from jinja2.exceptions import SecurityError, TemplateSyntaxError

    template = model_file.facts(path)[TEMPLATE]
    _limit(seconds)
    try:
        longest = max(_rendered(template))
    except TemplateSyntaxError as error:
        print(f"it is none ({error})")
    except SecurityError as error:
        print(f"it reaches for what templates must not have ({error})")
    except MemoryError:
        print(f"it takes more than {MEMORY // 1024**2} MB for a short chat")
    except (OverflowError, RecursionError) as error:
        print(f"it asks for too much ({error})")
    else:
        if longest <= LONGEST:
            return 0
        print(f"it makes {longest} letters of a short chat")
    return 1


def _limit(seconds: float) -> None:
    """What this process has used counts; the signal is left to its default, which ends even one long operation."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))  # not all addresses: files of locales are mapped too
    signal.setitimer(signal.ITIMER_PROF, max(_LEAST_SECONDS, seconds - time.process_time()))


def _rendered(template: str) -> Iterator[int]:
    """Yield how long each of CHATS is as transformers renders it; 0 where the template fails, as its users are told."""
    from datetime import datetime

    from jinja2 import TemplateError
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: object) -> None:
        raise TemplateError(str(message))

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"], autoescape=False
    )
    environment.globals |= {"raise_exception": raise_exception, "strftime_now": datetime.now().strftime}
    compiled = environment.from_string(_GENERATION.sub("", template))
    marks = {"bos_token": "<s>", "eos_token": "</s>"}
    for chat in CHATS:
        try:
            yield len(compiled.render(messages=chat, tools=[_TOOL], add_generation_prompt=True, **marks))
        except (SecurityError, OverflowError):
            raise
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
            yield 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
