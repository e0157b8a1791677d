"""What is handed on of a file, and how much of it is held in memory and remembered, whichever way it is read."""

# A line by its number, as read, and whether it may hold a secret.
Line = tuple[int, bytes, bool]

# Room for a dozen images as data URLs; a line is the most that is ever held in memory.
MAX_LINE_BYTES = 32 * 1024 * 1024
# Duplicates are looked for among this many first lines, so that memory stays flat.
MAX_REMEMBERED = 100_000
# So many objects on one line are no examples if they are shorter than any; nobody waits for them to be counted.
MANY_OBJECTS, SHORTEST_EXAMPLE = 1_000, len('{"prompt":"","completion":""}')
# Lines of large files are looked at together in blocks of so many bytes.
BLOCK = 1024 * 1024


def are_too_short(objects: int, characters: int) -> bool:
    """Whether so many objects of one line, that many characters together, are no examples."""
    return objects > MANY_OBJECTS and characters < objects * SHORTEST_EXAMPLE
