"""The same as ``python -m mmmask.launch.spawn``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.launch.spawn import main

    sys.exit(main(sys.argv[1:]))
