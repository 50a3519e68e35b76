"""Trains and tests: what ``mmmask train`` and ``mmmask test`` do."""
