"""torchrun that leaves a failure to the processes' own message, without a traceback of its own."""

import sys

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

if __name__ == '__main__':
    try:
        main()
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:  # it can't have said anything
            print(f'error: process {rank} was ended by signal {-failure.exitcode}', file=sys.stderr)
        sys.exit(1)
