"""What is handed on of a file, and how much of it is held in memory and remembered, whichever way it is read."""

# A line by its number, as read, and whether it may hold a secret.
Line = tuple[int, bytes, bool]

# Room for a dozen images as data URLs; a line is the most that is ever held in memory.
MAX_LINE_BYTES = 32 * 1024 * 1024
# Duplicates are looked for among this many first lines, so that memory stays flat.
MAX_REMEMBERED = 100_000
# Lines of large files are looked at together in blocks of so many bytes.
BLOCK = 1024 * 1024
