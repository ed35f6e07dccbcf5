"""The start of `nbp` and `python -m nbp_dagster`: Ctrl-C as it loads or ends is no traceback."""

import os
import signal
import sys

_INTERRUPTED = 130


def run() -> None:
    """Load the commands and run the one that was typed."""
    try:
        # Here, within the try: it is most of a second, in which people change their minds.
        from nbp_dagster.cli.main import main

        main()
    except KeyboardInterrupt:
        _end_at_once_if_interrupted()
        sys.exit(_INTERRUPTED)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            _end_at_once_if_interrupted()
        raise


def _end_at_once_if_interrupted() -> None:
    """Have a further signal end the process: all is closed, and Python would print a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(_INTERRUPTED))


if __name__ == "__main__":
    run()
