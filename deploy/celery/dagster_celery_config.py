"""Settings of the Celery workers: a folder with this file belongs on their PYTHONPATH.

Start one with `celery --app dagster_celery.app worker --concurrency 1 --queues dagster`.
"""

import os

broker_url = os.environ["CELERY_BROKER_URL"]
result_backend = os.environ["CELERY_RESULT_BACKEND"]

# A worker takes a run when it is free for one, not while another holds it up.
worker_prefetch_multiplier = 1
worker_disable_prefetch = True

# A task is acknowledged as it begins. Later, the broker would hand a run that takes longer than the
# visibility timeout to a second worker, and Dagster ignores a second process on a run that has
# started: it would not even mend a killed one.
task_acks_late = False
# Only for what no worker has begun; the same as in dagster.yaml.
broker_transport_options = {"visibility_timeout": 600}

# A broker that restarts is waited for, and a run goes on meanwhile.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
worker_cancel_long_running_tasks_on_connection_loss = False

# Run monitoring fails a run whose state is gone.
result_expires = 1209600
# A process a run: it loads the briefs as they are then, where a process that has run before would
# keep those of its first run, and leave out prompts that came since.
worker_max_tasks_per_child = 1

if os.environ.get("NBP_LOG_FORMAT") == "json":
    import logging

    from celery.signals import setup_logging

    from nbp_dagster.settings import read_settings
    from nbp_dagster.telemetry.json_logs import set_up_json_logs

    # Celery would put a handler of its own beside ours, and write our lines into lines of its own.
    @setup_logging.connect(weak=False)
    def write_json(**_: object) -> None:
        """Have the worker's logs, and those of its runs, be JSON, one object a line."""
        set_up_json_logs(read_settings().secrets)
        logging.getLogger("celery").setLevel(logging.INFO)
