"""Run suites, keep their results, and write the report."""
