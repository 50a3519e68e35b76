"""The command ``mmmask``: a module for each sub-command.

A module's docstring is the command's help; its first line is the summary. The module has two
functions: ``add_arguments(parser)`` declares the arguments, and ``run(args)`` does the work and
returns None or an exit status.

These modules import neither torch nor the mm packages: ``run`` imports what it needs. So ``--help``
and misspelt arguments answer at once.
"""
