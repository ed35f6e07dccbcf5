"""Who runs the command, for what the ledger records of people's decisions."""

import getpass
import platform


def name_user() -> str:
    """Return the deciding user as `user@machine`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name; KeyError before Python 3.13
        user = "unknown"
    return f"{user}@{platform.node()}"
