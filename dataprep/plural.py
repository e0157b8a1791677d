"""How many there are of a thing, in English."""


def counted(count: int, thing: str) -> str:
    """Return `1 example`, `12 examples`; `thing` is a word whose plural is made by an s."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
