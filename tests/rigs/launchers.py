"""Launchers by the names of those that start runs elsewhere; these start them here."""

import dagster as dg


class K8sRunLauncher(dg.DefaultRunLauncher):
    """By its name, one that starts a pod for each run."""


class DockerRunLauncher(dg.DefaultRunLauncher):
    """By its name, one that starts a container for each run."""


class CeleryRunLauncher(dg.DefaultRunLauncher):
    """By its name, one that hands each run to a worker."""
