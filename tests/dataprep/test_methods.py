"""Which method of training a file is for."""

import io

import pytest

from dataprep.methods import method_of

CHAT = b'{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Lit."}]}\n'
PAIR = b'{"input": {"messages": []}, "preferred_output": [], "non_preferred_output": []}\n'


@pytest.mark.parametrize(
    ("content", "method"),
    [
        (CHAT + PAIR, "supervised"),
        (b"\n \n" + PAIR + CHAT, "dpo"),
        (b"", None),
        (b"[1]\n", None),
        (b'{"conversations": []}\n', None),
        (b"Question,Answer\n", None),
        (b'{"messages": "\xff"}', None),
        (b"[" * 100_000, None),
    ],
)
def test_the_first_example_tells_the_method(content: bytes, method: str | None) -> None:
    assert method_of(io.BytesIO(content)) == method
