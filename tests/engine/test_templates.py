"""Chat templates that escape, burn or swell: none runs code, none holds the engine, none reaches llama.cpp."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

import lifeline
from config import EngineConfig
from engine import templates, token_counts
from engine.app import create_engine
from engine.architectures import Unsupported
from engine.catalogue import BaseModel, refuse_unsupported
from engine.run import died_of
from tests.tiny_models import write_tiny_gguf
from tests.tiny_models.llama import CALLS, CHATML
from wire.errors import BadRequest

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.system('touch MARK') }}",
    "{{ joiner.__init__.__globals__.os.popen('touch MARK').read() }}",
    "{{ namespace.__init__.__globals__['__builtins__']['open']('MARK', 'w') }}",
    "{{ lipsum.__globals__['os'].system('touch MARK') }}",
    "{{ self.__init__.__globals__ }}{{ self._TemplateReference__context.os.system('touch MARK') }}",
    "{{ messages.__class__.__base__.__subclasses__()[40]('MARK', 'w') }}",
    "{{ (messages|attr('__class__')).mro() }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f')|attr('mro')() }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(raise_exception).mro }}{{ ''.__class__.mro() }}",
    "{{ raise_exception.__globals__['os'].system('touch MARK') }}",
    "{{ raise_exception.__code__.co_consts.x() }}",
    "{{ strftime_now.__self__.__class__.__init__.__globals__.x }}",
    "{% set x = messages.append({'role': 'user'}) %}",
    "{% set x = messages[0].update({'role': 'x'}) %}",
    "{% import os %}",
    "{% include '/etc/passwd' %}{% for %}",
    "{{ x() for x in range(3) }}",
]
BURNS = [
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% macro f(n) %}{% for i in range(99) %}{{ f(n + 1) }}{% endfor %}{% endmacro %}{{ f(0) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
    "{{ 9 ** (9 ** 9) }}",
    "{% set n = 99999999 %}{{ (n ** n) % 7 }}",
    "{% for i in range(10 ** 9) %}{% endfor %}",
    "{{ range(999999999)|list|length }}",
    "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
    "{% for i in range(99999) %}{{ range(99999)|sum }}{% endfor %}",
    "{% for i in range(99999) %}{{ range(99999)|map('string')|join|length }}{% endfor %}",
]
SWELLS = [
    "{{ 'a' * 9999999999 }}",
    "{{ 'a' * 50000000 }}",
    "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ '%0100000000d' % 1 }}",
    "{{ '%9999999999d' % 1 }}",
    "{{ '{:>100000000}'.format('a') }}",
    "{{ 'a'|center(100000000) }}",
    "{{ 'a'.ljust(9999999999) }}",
    "{{ [[0] * 99999999] * 9 }}",
    "{% for i in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
]
PAYLOADS = ESCAPES + BURNS + SWELLS


def judged(path: Path) -> tuple[str, float]:
    """What is said of the template, and after how many seconds."""
    begun = time.monotonic()
    try:
        templates.refuse_burning(path, seconds=0.3)
    except Unsupported as reason:
        return str(reason), time.monotonic() - begun
    return "", 0.0


def test_forty_payloads_are_refused_and_run_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    files = [
        write_tiny_gguf(tmp_path / f"{number}.gguf", chat_template=payload.replace("MARK", str(mark)))
        for number, payload in enumerate(PAYLOADS)
    ]
    with ThreadPoolExecutor(2) as pool:
        verdicts = dict(zip(PAYLOADS, pool.map(judged, files), strict=True))
    assert len(verdicts) == 40
    assert [payload for payload, (reason, _) in verdicts.items() if not reason] == []
    assert max(seconds for _, seconds in verdicts.values()) < templates._PATIENCE
    assert not mark.exists()


@pytest.mark.parametrize(
    "template",
    [CHATML, CALLS, "{{ raise_exception('no') }}", "{%- generation -%}{% endgeneration %}", "{{ a.b.c }}", None],
)
def test_templates_as_models_have_them_pass(tmp_path: Path, template: str | None) -> None:
    templates.refuse_burning(write_tiny_gguf(tmp_path / "a.gguf", chat_template=template))


def test_a_model_whose_bytes_are_known_is_not_tried(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "a.gguf", chat_template=BURNS[0])
    refuse_unsupported(BaseModel("a", "pypi:a==1", "a.gguf", sha256="0" * 64), path)
    with pytest.raises(Unsupported, match="1 s of processor time"):
        refuse_unsupported(BaseModel("a", "hf:a/b", "a.gguf"), path)


@pytest.fixture
def engine(tmp_path: Path) -> Flask:
    """An engine whose base model has a template that burns."""
    base = write_tiny_gguf(tmp_path / "burns.gguf", chat_template=BURNS[0])
    return create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=str(base)))


def test_a_caller_is_told(engine: Flask) -> None:
    asked = {"model": "burns", "messages": [{"role": "user", "content": "a"}]}
    reply = engine.test_client().post("/v1/chat/completions", json=asked)
    engine.extensions["engine"].store.close()
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (400, "unsupported_base_model")
    assert "The chat template of burns.gguf is not used" in reply.get_json()["error"]["message"]


LINE = b'{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Since dusk."}]}\n'


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (BURNS[0], "takes more than 1 s of processor time for the chat of line 1"),
        ("{{ 'a' * 900000000 }}", "takes more than 256 MB for the chat of line 1"),
        ("{{ 'a' * 9000000 }}", "makes 9000000 letters for the chat of line 1"),
    ],
)
def test_the_count_and_so_the_trainer_bound_each_rendering_too(tmp_path: Path, template: str, reason: str) -> None:
    """For a template may wait for a chat that is not among those it is tried with."""
    base = write_tiny_gguf(tmp_path / "a.gguf", chat_template=template)
    file = tmp_path / "a.jsonl"
    file.write_bytes(LINE)
    with pytest.raises(BadRequest, match=reason) as refused:
        token_counts.count(base, file, 64)
    assert refused.value.code == "unsupported_base_model"


def test_an_operation_that_hears_no_signal_is_ended_with_its_process() -> None:
    deaf = """
from engine.trainer import rendering
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
with rendering.bounded():
    while True:
        pass
"""
    ended = subprocess.run([sys.executable, "-c", deaf], cwd=lifeline.PROJECT_ROOT, check=False, timeout=120)
    assert died_of(ended.returncode) == "signal SIGVTALRM"
