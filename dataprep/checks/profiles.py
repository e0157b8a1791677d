"""What each training target asks of a file, as a table; the rules themselves are in `examples`, `order` and `overview`.

Sources, read in November 2026: OpenAI's fine-tuning guide and API schema; docs.together.ai, fine-tuning data
preparation; docs.fireworks.ai, fine-tuning models; docs.mistral.ai, text fine-tuning; the template checks of
LLaMA-Factory and the data sets of mlx-lm; for Azure, the service's own refusals. What no page states is a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dataprep.checks.report import Severity

RECOMMENDED_EXAMPLES = 50
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """One target's rules; a severity says how bad a breach is, None that it is none.

    `minimum` and `maximum` count examples, `max_tokens` the tokens of one, which is cut there. A file of more than
    `max_whole_bytes` goes up in chunks. `alternation`: user and assistant take turns. `opening`: a user speaks first,
    after the system. `late_system`: a system message stands first or nowhere. `closing`: the assistant has the last
    word. `weight`: a `weight` is given. `extra_keys`: keys the target does not know.
    `tools`: how else the target wants tools, the end of a sentence. `roles`: those of the target's own, each with the
    one whose turn it takes. `system_key`: the system message may stand beside the others, under its own key.
    """

    name: str
    minimum: int = 1
    maximum: int | None = None
    max_bytes: int | None = None
    max_whole_bytes: int | None = None
    max_tokens: int | None = None
    alternation: Severity | None = "warning"
    opening: Severity | None = "warning"
    late_system: Severity | None = "warning"
    closing: Severity | None = "warning"
    weight: Severity | None = None
    extra_keys: Severity = "warning"
    tools: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    system_key: bool = False


# OpenAI: at least ten examples; 512 MB a file; unknown keys are refused; any order of roles trains. The 4o and
# 4.1 families train on 65,536 tokens an example and drop the rest; older models take fewer.
OPENAI = Profile("openai", minimum=10, max_bytes=512 * _MEGABYTE, max_tokens=65_536, extra_keys="error")
_STRICT = Profile("", alternation="error", opening="error", closing="error")
_TABLE = (
    OPENAI,
    # This project's engine: OpenAI's rules, from one example on; how long one may be is a setting of the engine.
    replace(OPENAI, name="engine", minimum=1, max_tokens=None),
    # Azure: two assistant messages in a row are an "invalid schema"; the assistant comes last, the system first; files
    # of more than some 100 MB in chunks.
    replace(
        OPENAI,
        name="azure",
        alternation="error",
        late_system="error",
        closing="error",
        max_whole_bytes=100 * _MEGABYTE,
    ),
    # Together: strict turns that begin with system or user; 100 GB.
    replace(_STRICT, name="together", late_system="error", max_bytes=100 * 1024 * _MEGABYTE),
    # Fireworks: three to three million examples, the system first.
    Profile("fireworks", minimum=3, maximum=3_000_000, late_system="error"),
    # Mistral: strict turns, the assistant last.
    replace(_STRICT, name="mistral", tools="has a function format of its own. Compare yours with its guide."),
    # LLaMA-Factory: user first, then an even count of strict turns; weights are dropped.
    replace(
        _STRICT,
        name="llama-factory",
        late_system="error",
        weight="warning",
        roles={"function_call": "assistant", "observation": "user"},
        system_key=True,
        tools="reads turns 'function_call' and 'observation', and OpenAI's only if dataset_info.json names their tags.",
    ),
    # mlx-lm: the model's chat template decides about the order; weights are dropped.
    Profile("mlx-lm", weight="warning"),
)
TARGETS = {profile.name: profile for profile in _TABLE}
