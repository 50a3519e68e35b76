"""``python -m mmmask``: the command ``mmmask`` of this interpreter."""

import sys

from mmmask.commands.main import main

if __name__ == '__main__':
    sys.exit(main())
