"""For other libraries: python tools/export_backbone.py CHECKPOINT --to timm --out FILE (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.export import main

    sys.exit(main())
