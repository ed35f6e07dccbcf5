"""The user who decides at a terminal, for logs of decisions."""

import getpass
import platform


def name_user() -> str:
    """Return the deciding user as `user@machine`, for the log of decisions."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name; KeyError before Python 3.13
        user = "unknown"
    return f"{user}@{platform.node()}"
