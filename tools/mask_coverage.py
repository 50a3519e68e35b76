"""Which part of objects masks cover: python tools/mask_coverage.py CONFIG CHECKPOINT (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.coverage import main

    sys.exit(main())
