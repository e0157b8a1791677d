"""Tells Weights & Biases how jobs go, in a process of its own; whatever becomes of that, the training goes on."""
