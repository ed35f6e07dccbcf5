"""The event log that the `dagster.yaml` of a home names: kept open, or else Dagster's own.

Must load with any Dagster, since a home whose storage can't be imported does not open at all.
"""

import logging

import dagster as dg

from nbp_dagster.instance.home_event_log import HomeEventLog

# Versions of Dagster that the tests of `kept_open` pass with. Exact ones: 1.13.0 lacks methods that
# 1.13.27 has. To add one, run tests/orchestration/instance with it installed.
TESTED = ("1.13.27",)

_log = logging.getLogger(__name__)


def is_tested(version: str) -> bool:
    """Whether the kept-open log was tested with a version of Dagster, such as `1.13.27`."""
    return version in TESTED


def choose_event_log(version: str) -> type[HomeEventLog]:
    """Return the class for a version of Dagster; logs why it is not the kept-open one."""
    reason = f"ours was tested with Dagster {', '.join(TESTED)}, and this is {version}"
    if is_tested(version):
        try:
            from nbp_dagster.instance.kept_open import KeptOpenEventLog as found
        except ImportError as error:
            reason = f"ours can't be loaded: {error}"
        else:
            return found
    _log.warning("The event log of the home is Dagster's own, which is slower; %s", reason)
    return HomeEventLog


# The name that `dagster.yaml` gives.
KeptOpenEventLog = choose_event_log(dg.__version__)
