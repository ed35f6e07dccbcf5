"""What is wrong with a set is told by kind, errors first, then what most pictures have."""

from dataclasses import replace

from nbp_dagster.studio.checks.check_table import CRASH_THRESHOLD
from nbp_dagster.studio.manifest.manifest import CheckFacts, Picture
from nbp_dagster.studio.sets.attention import Attention, list_attention
from tests.rigs.sets import build_set

ANY = build_set(scale=0.05).manifest.pictures[0]


def failed(name: str, severity: str = "warn", *, threshold: str = "") -> CheckFacts:
    return CheckFacts(
        name=name,
        verdict="failed",
        sentence="…",
        severity=severity,
        threshold=threshold,
        figures={},
    )


def picture(key: str, *checks: CheckFacts) -> Picture:
    return replace(ANY, prompt_key=key, checks=checks)


def test_errors_come_first_and_then_what_most_pictures_have() -> None:
    size, words = failed("asked_size"), failed("copy_legible")
    rows = [
        picture("a", size),
        picture("b", size, words),
        picture("c", failed("marking", "error")),
        picture("d"),
    ]
    assert list_attention(rows) == (
        Attention(
            check="marking",
            severity="error",
            words="AI marking missing or wrong",
            pictures=1,
            worst="c",
        ),
        Attention(
            check="asked_size",
            severity="warn",
            words="drawn in another size than asked",
            pictures=2,
            # It has two faults, so it stands before the other on the page.
            worst="b",
        ),
        Attention(
            check="copy_legible",
            severity="warn",
            words="copy misspelt or missing",
            pictures=1,
            worst="b",
        ),
    )


def test_a_check_that_could_not_look_is_another_kind_than_one_that_failed() -> None:
    rows = [
        picture("a", failed("marking", "error")),
        picture("b", failed("marking", "error", threshold=CRASH_THRESHOLD)),
    ]
    assert {(item.words, item.worst) for item in list_attention(rows)} == {
        ("AI marking missing or wrong", "a"),
        ("not checked: marking", "b"),
    }


def test_a_good_set_has_nothing() -> None:
    skipped = replace(failed("marking"), verdict="skipped")
    assert list_attention([picture("a"), picture("b", skipped)]) == ()
    assert list_attention([]) == ()
