"""The one exception for mistakes that a user can mend."""


class UserError(ValueError):
    """Bad input: a wrong path, key, shape, ratio, checkpoint or data set.

    The message is one line that says what is wrong and what to do. The launchers print it without a
    traceback and exit with status 1.
    """
