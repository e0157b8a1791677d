"""The child process that fine-tunes one base model for one job: paths in, an adapter folder out; no HTTP, no SQL."""
