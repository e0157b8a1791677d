"""Writes mended copies of training files and reports each change."""
