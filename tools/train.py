"""Train any mmpretrain, mmdet or mmseg config: python tools/train.py CONFIG ... (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.train import main

    sys.exit(main())
