"""To be written."""

from dataprep.sources.source import Source

SOURCES: tuple[Source, ...] = ()
