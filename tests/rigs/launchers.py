"""Launchers by the names of Dagster's own for containers, whose packages are not installed here."""

import dagster as dg


class K8sRunLauncher(dg.DefaultRunLauncher):
    """By its name, one that starts a pod for each run."""


class DockerRunLauncher(dg.DefaultRunLauncher):
    """By its name, one that starts a container for each run."""
