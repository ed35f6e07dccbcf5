"""What prompt tags and faults make of a job."""

from nbp_dagster.simulator.errors import CREDIT_MESSAGE, REFUSAL_MESSAGE
from nbp_dagster.simulator.faults import Fault
from nbp_dagster.simulator.state.job_plans import Plan, plan_job, strip_tags


def test_a_prompt_without_tags_succeeds() -> None:
    assert plan_job("a cup", None) == Plan()


def test_tags_decide_the_course_of_a_job() -> None:
    assert plan_job("a [[sim:refuse]]", None).message == REFUSAL_MESSAGE
    assert plan_job("a [[sim:credit_lost]]", None).message == CREDIT_MESSAGE
    assert plan_job("a [[sim:fail=lens fell off]]", None).message == "lens fell off"
    assert plan_job("a [[sim:stuck]]", None).outcome == "stuck"
    assert plan_job("a [[sim:no_image]]", None).outcome == "no_image"
    assert plan_job("a [[sim:slow=2.5]] [[sim:html]]", None) == Plan(latency=2.5, download="html")


def test_flaws_of_the_picture_come_by_tag_and_by_fault() -> None:
    plan = plan_job("a [[sim:off-palette]]", Fault(kind="low_contrast"))

    assert plan == Plan(flaws=("off_palette", "low_contrast"))


def test_an_unknown_tag_fails_the_job_and_names_the_accepted_ones() -> None:
    plan = plan_job("a [[sim:explode]]", None)

    assert plan.outcome == "fail"
    assert "unknown simulator tag 'explode'; accepted: refuse, fail" in (plan.message or "")


def test_a_fault_wins_over_the_tags() -> None:
    fault = Fault(kind="fail", message="no power", retryable=True)

    plan = plan_job("a [[sim:stuck]] [[sim:slow=2]]", fault)

    assert plan == Plan(outcome="fail", message="no power", retryable=True)


def test_a_slow_fault_leaves_the_outcome_of_the_tags() -> None:
    plan = plan_job("a [[sim:fail=broken]]", Fault(kind="slow_job", seconds=9))

    assert plan == Plan(outcome="fail", message="broken", latency=9)


def test_the_painter_never_sees_a_tag() -> None:
    assert strip_tags("a cup [[sim:slow=3]]") == "a cup"
