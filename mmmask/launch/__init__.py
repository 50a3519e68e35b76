"""Trains and tests, for ``mmmask train`` and ``mmmask test``."""
