"""Run a suite and report on it: python tools/benchmark.py SUITE --work-dir DIR (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.suite import main

    sys.exit(main())
