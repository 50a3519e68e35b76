"""The command ``mmmask``: one module for each sub-command, with three names.

- ``SUMMARY``: one sentence for the help.
- ``add_arguments(parser)``: declares the arguments.
- ``run(args)``: does the work, and returns None or an exit status.

Modules of commands import neither torch nor the mm packages: ``run`` imports what it needs. So
``--help`` and misspelt arguments answer at once.
"""
