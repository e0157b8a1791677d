"""The readers of exports, one module a family of programs; what becomes of their rows is not decided here."""

from dataprep.sources.registry import BY_NAME, SOURCES, look_at, recognise
from dataprep.sources.source import Head, Source, UnreadableSource

__all__ = ["BY_NAME", "SOURCES", "Head", "Source", "UnreadableSource", "look_at", "recognise"]
