"""Decisions about the pictures of finished sets: what is recorded, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.studio.manifest.manifest import ManifestError, Picture
from nbp_dagster.studio.review import reviews
from nbp_dagster.studio.review.approvals import describe_decision
from nbp_dagster.studio.review.decision_log import DecisionMoved
from nbp_dagster.studio.review.reviews import (
    LONGEST_REASON,
    BadDecision,
    NoSuchSet,
    PictureMoved,
    Seen,
)
from tests.rigs.processes import wait_for
from tests.rigs.reviews import CAMPAIGN, ReviewRig, open_review_rig, write_sample
from tests.rigs.sets import build_large_set, build_set

SAMPLE = build_set(shots=("kitchen",), channels=("instagram_feed", "display_728x90"))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ReviewRig]:
    with open_review_rig(tmp_path, sample=SAMPLE) as opened:
        yield opened


def seen(picture: Picture, number: int = 0) -> Seen:
    return Seen(picture.file, picture.sha256, number)


def test_a_decision_keeps_what_stood_beside_the_picture(rig: ReviewRig) -> None:
    (failing,) = {
        picture.file: picture
        for picture in SAMPLE.manifest.pictures
        if picture.failed_checks and picture.locale == "en"
    }.values()

    row = rig.reviews.decide(CAMPAIGN, seen(failing), "approved", who="ada")

    assert row.state == "approved"
    assert row.decision is not None
    assert row.decision.seen == {
        "set": rig.reviews.open(CAMPAIGN).read.digest,
        "failed_checks": ["smallest_letter"],
    }
    assert row.decision.decided_at == rig.clock.now()
    assert rig.reviews.open(CAMPAIGN).find(failing.file).state == "approved"


def test_the_worst_pictures_come_first(rig: ReviewRig) -> None:
    states = [bool(row.picture.failed_checks) for row in rig.reviews.open(CAMPAIGN).worst_first]

    assert states == sorted(states, reverse=True)
    assert any(states)


def test_bytes_that_were_made_again_are_pending_and_the_old_view_of_them_is_refused(
    rig: ReviewRig, tmp_path: Path
) -> None:
    first = SAMPLE.manifest.pictures[0]
    rig.reviews.decide(CAMPAIGN, seen(first), "approved", who="ada")
    data = SAMPLE.data[first.sha256] + b"again"
    remade = build_large_set(1)  # Its digest is of other bytes.
    other = replace(first, sha256=remade.manifest.pictures[0].sha256)
    changed = replace(
        SAMPLE,
        manifest=replace(SAMPLE.manifest, pictures=(other, *SAMPLE.manifest.pictures[1:])),
        data={**SAMPLE.data, **remade.data},
    )
    assert data not in changed.data.values()
    write_sample(tmp_path, changed)

    assert rig.reviews.open(CAMPAIGN).find(first.file).state == "pending"
    with pytest.raises(PictureMoved, match="was made again since; nothing was changed"):
        rig.reviews.decide(CAMPAIGN, seen(first), "approved", who="ada")
    assert [row.who for row in rig.reviews.history(other)] == ["ada"]


def test_two_people_do_not_overwrite_each_other(rig: ReviewRig) -> None:
    first = SAMPLE.manifest.pictures[0]
    rig.reviews.decide(CAMPAIGN, seen(first), "rejected", who="ben", reason="six fingers")

    with pytest.raises(DecisionMoved, match="rejected by ben: six fingers"):
        rig.reviews.decide(CAMPAIGN, seen(first), "approved", who="ada")


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        ("", "  ", "a rejection needs a reason"),
        ("hairy", "", "fault 'hairy' is no check; accepted: exact_pixels"),
        ("", "x" * (LONGEST_REASON + 1), "the reason has 501 characters; accepted: at most 500"),
    ],
)
def test_a_rejection_says_why(rig: ReviewRig, fault: str, reason: str, words: str) -> None:
    first = SAMPLE.manifest.pictures[0]

    with pytest.raises(BadDecision, match=words):
        rig.reviews.decide(CAMPAIGN, seen(first), "rejected", who="ada", fault=fault, reason=reason)

    assert rig.reviews.open(CAMPAIGN).find(first.file).state == "pending"


def test_a_rejection_is_told_in_the_words_of_its_fault(rig: ReviewRig) -> None:
    first = SAMPLE.manifest.pictures[0]

    row = rig.reviews.decide(
        CAMPAIGN, seen(first), "rejected", who="ada", fault="subject_whole", reason="look left"
    )

    assert describe_decision(row) == "by ada: a head or the subject is cut; look left"


def test_undoing_brings_back_what_held_before(rig: ReviewRig) -> None:
    first = SAMPLE.manifest.pictures[0]
    rig.reviews.decide(CAMPAIGN, seen(first), "approved", who="ada")
    rig.reviews.decide(CAMPAIGN, seen(first, 1), "rejected", who="ada", reason="no")

    assert rig.reviews.undo(CAMPAIGN, seen(first, 2), who="ada").state == "approved"
    assert describe_decision(rig.reviews.open(CAMPAIGN).find(first.file)).startswith("by ada")


def test_choosing_a_variant_passes_over_the_others(tmp_path: Path) -> None:
    sample = build_large_set(3)
    with open_review_rig(tmp_path, sample=sample) as rig:
        one, two, three = sample.manifest.pictures

        rows = rig.reviews.choose(CAMPAIGN, [seen(two), seen(one), seen(three)], who="ada")

        assert [row.state for row in rows] == ["approved", "passed_over", "passed_over"]
        assert describe_decision(rows[1]) == "by ada: variant 2 was chosen"


def test_a_choice_among_some_of_the_variants_is_refused(tmp_path: Path) -> None:
    sample = build_large_set(3)
    with open_review_rig(tmp_path, sample=sample) as rig:
        one, two, _ = sample.manifest.pictures

        with pytest.raises(BadDecision, match="not those of the set now"):
            rig.reviews.choose(CAMPAIGN, [seen(two), seen(one)], who="ada")
        with pytest.raises(BadDecision, match="no picture was chosen"):
            rig.reviews.choose(CAMPAIGN, [], who="ada")

        assert {row.state for row in rig.reviews.open(CAMPAIGN).rows} == {"pending"}


@pytest.mark.parametrize("name", ["summer", "..", "../spring_launch", "/etc", "", "spring_launch/"])
def test_only_finished_sets_are_opened(rig: ReviewRig, name: str) -> None:
    assert rig.reviews.campaigns() == (CAMPAIGN,)
    with pytest.raises(NoSuchSet, match="there is no finished set"):
        rig.reviews.open(name)


def test_a_damaged_manifest_is_named(rig: ReviewRig, tmp_path: Path) -> None:
    path = tmp_path / "sets" / CAMPAIGN / "manifest.json"
    path.write_bytes(b"\xff\xfe not text")

    with pytest.raises(ManifestError, match=r"manifest\.json: the document: Invalid JSON"):
        rig.reviews.open(CAMPAIGN)


def test_a_set_is_read_again_only_when_it_was_written_again(rig: ReviewRig, tmp_path: Path) -> None:
    before = rig.reviews.open(CAMPAIGN).read

    assert rig.reviews.open(CAMPAIGN).read is before
    write_sample(tmp_path, replace(SAMPLE, manifest=replace(SAMPLE.manifest, name="Another")))
    assert rig.reviews.open(CAMPAIGN).manifest.name == "Another"


def test_a_large_set_is_read_beside_the_page_that_asks_for_it(
    rig: ReviewRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "READ_AT_ONCE", 10)

    first = rig.reviews.open_soon(CAMPAIGN)
    rig.reviews.open(CAMPAIGN)
    later = rig.reviews.open_soon(CAMPAIGN)

    assert first is None
    assert later is not None
    assert len(later.rows) == len(SAMPLE.manifest.pictures)


def test_a_large_set_that_can_not_be_read_is_told_and_not_waited_for(
    rig: ReviewRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "READ_AT_ONCE", 10)
    (tmp_path / "sets" / CAMPAIGN / "manifest.json").write_text("[" * 100)

    def is_told() -> bool:
        try:
            return rig.reviews.open_soon(CAMPAIGN) is not None
        except ManifestError:
            return True

    wait_for(is_told, what="the error of a set", every=0.01)
