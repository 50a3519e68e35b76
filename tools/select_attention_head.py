"""Choose GPA's head: python tools/select_attention_head.py CONFIG CHECKPOINT ... (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.select_head import main

    sys.exit(main())
