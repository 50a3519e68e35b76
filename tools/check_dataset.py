"""Check a config's data before a run: python tools/check_dataset.py CONFIG ... (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.check_data import main

    sys.exit(main())
