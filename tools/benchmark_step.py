"""Time training steps: python tools/benchmark_step.py CONFIG [--versus CONFIG] ... (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    import mmmask  # noqa: F401  registers the parts
    from mmmask.commands.time_step import main

    sys.exit(main())
