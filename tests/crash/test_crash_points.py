"""Whenever a run dies, the next ones make every picture, and none is paid twice."""

import random
from collections.abc import Iterator

import pytest

from nbp_dagster.studio.purchasing.failpoints import FAILPOINTS, FailpointName
from tests.crash.harness import Death, Service
from tests.crash.trials import Bench, die_alone, die_any_time, die_beside_another, live_together
from tests.rigs.postgres import PostgresServer, postgres

__all__ = ["postgres"]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One simulator for all trials, which forgets everything between them."""
    with Service() as service:
        yield service


@pytest.fixture
def bench(service: Service) -> Bench:
    return Bench(service)


@pytest.mark.parametrize("step", FAILPOINTS)
def test_a_run_that_dies_at_a_step_loses_nothing_and_pays_nothing_twice(
    bench: Bench, step: FailpointName
) -> None:
    die_alone(bench, Death(step))


@pytest.mark.parametrize("step", FAILPOINTS)
def test_a_run_on_postgresql_that_dies_at_a_step_loses_nothing_and_pays_nothing_twice(
    service: Service, postgres: PostgresServer, step: FailpointName
) -> None:
    die_alone(Bench(service, postgres.make_database), Death(step))


@pytest.mark.parametrize(("step", "occurrence"), [("claimed", 2), ("posted", 1), ("enqueued", 2)])
def test_a_run_that_dies_between_companions_loses_none_and_pays_none_twice(
    service: Service, step: FailpointName, occurrence: int
) -> None:
    """Killed between two claims of one call, after the call, and between two of its ids."""
    die_alone(Bench(service, together=True), Death(step, occurrence))


@pytest.mark.parametrize("step", ["claimed", "posted", "settled"])
def test_a_run_that_dies_while_it_asks_again_pays_nothing_twice(
    service: Service, step: FailpointName
) -> None:
    # Of four purchases the first two are those of first pictures.
    die_alone(Bench(service, correcting=True), Death(step, 3))


@pytest.mark.parametrize(
    # A lone run takes nothing over.
    "step",
    [step for step in FAILPOINTS if step != "taken_over"],
)
def test_a_run_that_dies_at_what_a_person_asked_for_pays_nothing_twice(
    service: Service, step: FailpointName
) -> None:
    # Of four purchases the first two are those of first pictures.
    die_alone(Bench(service, asking=True), Death(step, 3))


@pytest.mark.parametrize("step", ["claimed", "posted", "enqueued", "settled"])
def test_a_run_that_dies_at_an_edit_of_a_picture_pays_nothing_twice(
    service: Service, step: FailpointName
) -> None:
    # Of four purchases the first two are those of the pictures that are edited.
    die_alone(Bench(service, editing=True), Death(step, 3))


@pytest.mark.parametrize("step", ["claimed", "posted", "enqueued"])
def test_a_run_that_lives_on_makes_what_the_one_beside_it_died_of(
    bench: Bench, step: FailpointName
) -> None:
    die_beside_another(bench, Death(step), None)


def test_two_runs_that_die_at_different_steps_lose_nothing(bench: Bench) -> None:
    die_beside_another(bench, Death("claimed"), Death("posted"))


def test_two_living_runs_do_not_buy_each_other_s_orders(bench: Bench) -> None:
    live_together(bench)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_runs_killed_at_any_moment_lose_nothing_and_pay_nothing_twice(
    bench: Bench, seed: int
) -> None:
    # A start-up and a run together take about this long; a kill that comes too late is repeated.
    die_any_time(bench, random.Random(seed), workers=1 + seed % 2, span=0.4)
