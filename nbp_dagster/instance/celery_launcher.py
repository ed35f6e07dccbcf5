"""Dagster's Celery launcher, with a *Terminate* that is heeded, as `deploy/celery` names it.

Needs the extra `celery`.
"""

try:
    from dagster_celery import launcher
    from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
except ImportError as error:
    raise ImportError(
        "runs as Celery tasks need dagster-celery; install with: pip install 'nbp-dagster[celery]'"
    ) from error


class CeleryRunLauncher(launcher.CeleryRunLauncher):
    """Starts runs as Celery tasks, and ends them for good when somebody terminates them.

    Dagster's own has Celery send the signal alone. A run that is ended by a signal nobody asked for
    has failed, and `run_retries` starts it anew: it would go on buying after *Terminate*.
    """

    def terminate(self, run_id: str) -> bool:
        """Note that a run is to be canceled, and have Celery send its process a signal.

        A run that is to be canceled counts as *Canceled* after a while, whether it heard of it or
        not: nothing is noted of one whose process can't be told.

        Returns:
            Whether there is such a run, it is a task of Celery's, and it has not ended.

        Raises:
            kombu.exceptions.OperationalError: The broker can't be reached; the run is as it was.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        with self.celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1)
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)
