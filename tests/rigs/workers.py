"""Several machines in one test: a Dagster, Celery workers with homes apart, and their servers."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from nbp_dagster.project import open_instance
from tests.rigs.cores import share_of_cores
from tests.rigs.dagster import Operator
from tests.rigs.dagster_private import ExecuteRunArgs, pack_value
from tests.rigs.network import Machine, Network
from tests.rigs.processes import ROOT, DagsterDev, Process, Shell

CELERY = ROOT / "deploy" / "celery"
BROKER, BACKEND = 0, 1
# Dagster's own.
QUEUE = "dagster"


@dataclass(frozen=True)
class Head:
    """The machine with the webserver and the daemon."""

    shell: Shell
    dev: DagsterDev
    instance: dg.DagsterInstance

    @property
    def operator(self) -> Operator:
        return Operator(self.dev)


@dataclass(frozen=True)
class Worker:
    """A Celery worker on a machine of its own."""

    process: Process
    machine: Machine | None

    def kill(self) -> None:
        """Kill it with the run it works on."""
        self.process.destroy()

    def cut_off(self) -> None:
        """Have nobody hear of it, nor it of anybody; where there are no cables it is frozen."""
        if self.machine is None:
            self.freeze()
        else:
            self.machine.cut()

    def reconnect(self) -> None:
        """Have it where it was."""
        if self.machine is None:
            self.thaw()
        else:
            self.machine.mend()

    def freeze(self) -> None:
        """Stop it and the run it works on where they are."""
        self.process.send_to_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        self.process.send_to_all(signal.SIGCONT)


@dataclass(frozen=True)
class Farm:
    """The settings that all machines share.

    Attributes:
        folder: Holds a folder a machine.
        briefs: Writes the briefs into a folder.
        redis: Address of broker and result backend, without a database.
        settings: Environment of every machine.
        slots: Runs at one time.
        network: Gives each worker an address of its own; None where this machine has no such.
        cores: What a worker has of this machine's cores; None for as many as there are.
    """

    folder: Path
    briefs: Callable[[Path], object]
    redis: str
    settings: dict[str, str]
    slots: int = 3
    network: Network | None = None
    cores: float | None = None

    def shell(self, name: str) -> Shell:
        """Return a machine: its own home, briefs and Dagster settings."""
        shell = Shell(
            self.folder / name,
            CELERY_BROKER_URL=f"{self.redis}/{BROKER}",
            CELERY_RESULT_BACKEND=f"{self.redis}/{BACKEND}",
            **self.settings,
        )
        shell.environment["PYTHONPATH"] = os.pathsep.join(
            part for part in (str(CELERY), shell.environment.get("PYTHONPATH")) if part
        )
        if not shell.briefs.exists():
            self.briefs(shell.briefs)
            self._write_settings(shell.home / "dagster")
        return shell

    @contextmanager
    def dagster(self) -> Iterator["Head"]:
        """Run the webserver and the daemon, whose launcher is Celery's."""
        shell = self.shell("head")
        names = ("DAGSTER_POSTGRES_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")
        before = {name: os.environ.get(name) for name in names}
        os.environ.update({name: shell.environment[name] for name in names})
        try:
            # Makes the tables: the processes of `dagster dev` would do so at once.
            with (
                open_instance(shell.home / "dagster") as instance,
                shell.dagster_dev() as dev,
            ):
                yield Head(shell, dev, instance)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value

    @contextmanager
    def worker(self, name: str, *, queue: str = QUEUE) -> Iterator["Worker"]:
        """Run a Celery worker with a home of its own, as the docs start one."""
        shell = self.shell(name)
        with ExitStack() as stack:
            machine = stack.enter_context(self.network.machine()) if self.network else None
            share = stack.enter_context(share_of_cores(self.cores)) if self.cores else ()
            command = self._command(name, queue, machine, share)
            process = stack.enter_context(shell.in_repository(*command))
            yield Worker(process, machine)

    def _command(
        self, name: str, queue: str, machine: Machine | None, share: tuple[str, ...]
    ) -> tuple[str, ...]:
        return (
            # First: in a network of its own a process no longer sees the control groups.
            *share,
            *(machine.prefix if machine else ()),
            *(sys.executable, "-m", "celery", "--app", "dagster_celery.app", "worker"),
            *("--concurrency", "1", "--queues", queue, "--hostname", f"{name}@%h"),
        )

    def deliver_again(
        self, instance: dg.DagsterInstance, run_id: str, *, queue: str = QUEUE
    ) -> None:
        """Hand a run to the broker a second time, as a visibility timeout does."""
        from celery import Celery

        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.job_code_origin is not None
        message = ExecuteRunArgs(
            job_origin=run.job_code_origin, run_id=run_id, instance_ref=instance.get_ref()
        )

        app = Celery("dagster", broker=f"{self.redis}/{BROKER}")
        app.conf.task_queue_max_priority = 10
        app.send_task(
            "execute_job",
            kwargs={"execute_job_args_packed": pack_value(message)},
            queue=queue,
            priority=0,
        )

    def _write_settings(self, folder: Path) -> None:
        """Write the settings that deploy/celery ships, for so many workers."""
        settings = yaml.safe_load((CELERY / "dagster.yaml").read_text(encoding="utf-8"))
        settings["concurrency"]["runs"]["max_concurrent_runs"] = self.slots
        settings["concurrency"]["pools"]["default_limit"] = self.slots
        # A test can't wait for two minutes.
        settings["run_monitoring"]["poll_interval_seconds"] = 3
        settings["run_monitoring"]["start_timeout_seconds"] = 120
        folder.mkdir(parents=True)
        text = yaml.safe_dump(settings)
        (folder / "dagster.yaml").write_text(text, encoding="utf-8")
