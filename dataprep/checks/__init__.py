"""Checks of training files, line by line and over the whole file; they change nothing."""
