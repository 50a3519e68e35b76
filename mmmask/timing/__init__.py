"""Measures a training step, the data path, and what a GPU does."""
