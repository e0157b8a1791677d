"""The roles of messages on the wire, and what other tools call them; it judges and reads nothing."""

_KNOWN = ("system", "developer", "user", "assistant", "tool", "function")
_SYNONYMS = {
    "user": "human q 问 問 用户 用戶 question prompter customer",
    "assistant": "gpt chatgpt bot chatbot ai model a 答 助手 answer agent",
    "system": "系统 系統",
    "tool": "observation tool_response tool_result ipython 工具",
}
# Whatever may be meant by a role as `plain_role` has it.
MEANT = {role: role for role in _KNOWN}
MEANT |= {word: role for role, words in _SYNONYMS.items() for word in words.split()}
# An answer by this name is one beside a Q; beside a B, it is some speaker.
UNCERTAIN = frozenset({"a"})


def plain_role(written: str) -> str:
    """A role without what people write around it: `Human:` is human."""
    return written.strip().rstrip(":：").rstrip().lower()
