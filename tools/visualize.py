"""Show what a network sees: python tools/visualize.py CONFIG CHECKPOINT ... (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.visualize import main

    sys.exit(main())
