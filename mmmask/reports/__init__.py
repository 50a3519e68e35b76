"""Writes what came out: a suite's report, the papers' tables, comparisons of any runs."""
