"""The start of `nbp`, and of `python -m nbp_dagster`: Ctrl-C while it loads is no traceback."""

import sys


def run() -> None:
    """Load the commands and run the one that was typed."""
    try:
        # Here, within the try: it is most of a second, in which people change their minds.
        from nbp_dagster.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
