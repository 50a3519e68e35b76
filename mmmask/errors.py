"""The exceptions for mistakes that a user can mend."""


class UserError(ValueError):
    """Bad input: a wrong path, key, shape, ratio, checkpoint or data set.

    The message is one line that says what is wrong and what to do. The launchers print it without a
    traceback and exit with status 1.
    """


class JointError(UserError):
    """A `UserError` that every process raises at the same point of a run.

    Process 0 alone tells it, and they leave together.
    """


class DivergedError(ValueError):
    """The network gives NaN or infinite values.

    A part that meets them raises it; the launcher adds when, and which checkpoint came before.
    """
