"""Where a run lives that Dagster's launcher starts: on this machine, elsewhere, or in a container.

By the names of classes: the packages of launchers are not ours to import. Must not know: settings.
"""

# In the process of the caller, or in one that it starts beside it.
_HERE = frozenset({"DefaultRunLauncher", "SyncInMemoryRunLauncher"})
# A container or pod for each run, whose files go with it.
_IN_CONTAINERS = frozenset(
    {"DockerRunLauncher", "K8sRunLauncher", "CeleryK8sRunLauncher", "EcsRunLauncher"}
)


def loses_files_of_runs(launcher: type) -> bool:
    """Return whether each run has a container of its own, with which its home folder goes.

    A ledger that is a file there is empty for the next run, which may pay again.

    Args:
        launcher: The class of an instance's `run_launcher`, or one that extends Dagster's.
    """
    return not _IN_CONTAINERS.isdisjoint(_names_of(launcher))


def may_run_elsewhere(launcher: type) -> bool:
    """Return whether runs may be on another machine than the one that launches them.

    Args:
        launcher: The class of an instance's `run_launcher`, or one that extends Dagster's.
    """
    return loses_files_of_runs(launcher) or _HERE.isdisjoint(_names_of(launcher))


def _names_of(launcher: type) -> set[str]:
    return {each.__name__ for each in launcher.__mro__}
