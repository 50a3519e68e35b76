"""The same as ``mmmask suite``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    from mmmask.commands.main import run_command

    sys.exit(run_command('suite'))
