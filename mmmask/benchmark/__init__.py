"""Suites of runs, the store of their results, and the report."""
