"""The root of every error this package raises on purpose."""


class NbpError(Exception):
    """Base of all errors with a message meant for the person who ran the command.

    The message says what failed, where, the value seen and what to do, in one line.
    """
