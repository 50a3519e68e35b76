"""What a checkpoint is: python tools/inspect_checkpoint.py FILE (--help)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.inspect import main

    sys.exit(main())
