"""States of pictures by what was decided, and why a set is not approved."""

from dataclasses import replace

from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.review.approvals import (
    ReviewedPicture,
    count_states,
    find_variants,
    list_unapproved,
    place_of,
    review_pictures,
)
from nbp_dagster.studio.review.decision_log import Decision, Verdict
from tests.rigs.sets import build_large_set, build_set

SET = build_set(shots=("kitchen",), channels=("instagram_feed", "linkedin_post")).manifest
VARIANTS = build_large_set(3).manifest


def decided(picture: Picture, verdict: Verdict, reason: str = "") -> ReviewedPicture:
    decision = Decision(
        place=place_of(picture),
        brand="solstice",
        campaign="spring_launch",
        number=1,
        verdict=verdict,
        reason=reason,
        who="ada",
    )
    return ReviewedPicture(picture, decision)


def test_a_picture_nobody_decided_about_is_pending() -> None:
    rows = review_pictures(SET, {})

    assert count_states(rows) == {"pending": 4, "approved": 0, "rejected": 0, "passed_over": 0}
    assert {row.number for row in rows} == {0}


def test_an_approval_is_of_these_bytes_alone() -> None:
    first = SET.pictures[0]
    decision = decided(first, "approved").decision
    assert decision is not None
    remade = replace(SET, pictures=(replace(first, sha256="f" * 64), *SET.pictures[1:]))

    assert review_pictures(SET, {decision.place: decision})[0].state == "approved"
    assert review_pictures(remade, {decision.place: decision})[0].state == "pending"


def test_what_was_withdrawn_is_pending_again() -> None:
    assert decided(SET.pictures[0], "withdrawn").state == "pending"


def test_a_set_is_approved_when_every_picture_is() -> None:
    rows = [decided(picture, "approved") for picture in SET.pictures]

    assert list_unapproved(rows, requires_all=True) == ()


def test_what_is_missing_is_named_with_who_rejected_it_and_why() -> None:
    first, second, *rest = SET.pictures
    rows = [
        decided(first, "rejected", "six fingers"),
        ReviewedPicture(second),
        *(decided(picture, "approved") for picture in rest),
    ]

    assert len(list_unapproved(rows, requires_all=False)) == 1
    rejected, pending = list_unapproved(rows, requires_all=True)

    assert rejected == (
        f"1 pictures are rejected ({first.prompt_key} for {first.channel}, rejected by ada: six "
        "fingers)"
    )
    assert pending == f"1 pictures wait for approval ({second.prompt_key} for {second.channel})"


def test_a_long_list_names_the_first_and_counts_the_rest() -> None:
    rows = [ReviewedPicture(picture) for picture in build_large_set(9).manifest.pictures]

    (reason,) = list_unapproved(rows, requires_all=True)

    assert reason.startswith("9 pictures wait for approval (")
    assert reason.endswith("; and 4 more)")


def test_a_variant_passed_over_needs_no_approval_while_another_has_it() -> None:
    first, second, third = VARIANTS.pictures
    rows = [
        decided(first, "passed_over"),
        decided(second, "approved"),
        decided(third, "passed_over"),
    ]

    assert list_unapproved(rows, requires_all=True) == ()


def test_variants_all_passed_over_are_not_approved() -> None:
    rows = [decided(picture, "passed_over") for picture in VARIANTS.pictures]

    (reason,) = list_unapproved(rows, requires_all=True)

    assert reason.startswith("no variant is chosen in place of 3")


def test_variants_are_those_of_one_shot_locale_ratio_and_channel() -> None:
    rows = review_pictures(VARIANTS, {})

    assert [row.picture.variant for row in find_variants(rows, VARIANTS.pictures[1])] == [1, 2, 3]
    assert len(find_variants(review_pictures(SET, {}), SET.pictures[0])) == 1
