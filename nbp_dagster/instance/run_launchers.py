"""Where a run lives that Dagster's launcher starts: on this machine, or maybe elsewhere.

By the names of classes: the packages of launchers are not ours to import. Must not know: settings.
"""

from pathlib import Path

import dagster as dg

# In the process of the caller, or in one that it starts beside it.
_HERE = frozenset({"DefaultRunLauncher", "SyncInMemoryRunLauncher"})
# Elsewhere, whatever class they extend.
_ELSEWHERE = frozenset(
    {
        "CeleryRunLauncher",
        "DockerRunLauncher",
        "K8sRunLauncher",
        "CeleryK8sRunLauncher",
        "EcsRunLauncher",
    }
)


def launcher_of(instance: dg.DagsterInstance) -> type:
    """Return the class of an instance's launcher; by its name alone where it can't be loaded.

    Its package may be missing here, or a variable that its settings name: it is none the less what
    starts the runs.
    """
    try:
        return type(instance.run_launcher)
    except Exception:  # each launcher has its own errors
        named = instance.get_ref().run_launcher_data
        if named is None:
            raise
        return type(named.class_name, (), {})


def may_run_elsewhere(launcher: type) -> bool:
    """Return whether runs may be on another machine, or in another container, than their launcher.

    A ledger that is a file of the home is another one there, and empty.

    Args:
        launcher: What `launcher_of` returns.
    """
    names = {each.__name__ for each in launcher.__mro__}
    return not _ELSEWHERE.isdisjoint(names) or _HERE.isdisjoint(names)


def tell_ledger_apart(launcher: type, home: Path) -> tuple[str, str]:
    """Return what comes of runs that may be elsewhere without a ledger to share, and a way out.

    Args:
        launcher: See `may_run_elsewhere`.
        home: NBP_HOME.
    """
    problem = (
        f"the runs that {launcher.__name__} starts may be in other containers or on other "
        "machines, each with a ledger of its own in its NBP_HOME: what one has bought the next may "
        "pay again"
    )
    advice = (
        "set NBP_LEDGER_URL to the address of a PostgreSQL server, and NBP_STORE_URL, for all of "
        "them; where all have one NBP_HOME on one host, set NBP_LEDGER_URL to "
        f"sqlite:///{(home / 'ledger.sqlite').absolute()}"
    )
    return problem, advice
