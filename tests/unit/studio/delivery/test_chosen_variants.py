"""Where a variant was chosen, the others of its place stay behind; else all go."""

from dataclasses import replace

from nbp_dagster.studio.delivery.chosen_variants import choose_variants
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest, picture_file
from nbp_dagster.studio.review.approvals import place_of, review_pictures
from nbp_dagster.studio.review.decision_log import Decision, Verdict
from tests.rigs.sets import build_set

ONE = build_set(shots=("kitchen",), channels=("linkedin_post",), locales=("en",), scale=0.05)


def variant(number: int) -> Picture:
    first = ONE.manifest.pictures[0]
    file = picture_file(
        channel=first.channel,
        shot=first.shot,
        locale=first.locale,
        ratio=first.ratio,
        variant=number,
        file_type=first.file_type,
    )
    key = f"{first.prompt_key.rpartition('/')[0]}/v{number}"
    return replace(first, variant=number, file=file, sha256=f"{number:064}", prompt_key=key)


SET: SetManifest = replace(ONE.manifest, pictures=tuple(map(variant, (1, 2, 3))))


def kept(*verdicts: Verdict) -> list[int]:
    decisions = {
        place_of(picture): Decision(
            place=place_of(picture), brand="b", campaign="c", number=1, verdict=verdict, who="ada"
        )
        for picture, verdict in zip(SET.pictures, verdicts, strict=False)
    }
    part = choose_variants(SET, review_pictures(SET, decisions))
    assert len(part.manifest.passed_over) == 3 - len(part.manifest.pictures)
    assert part.is_whole == (part.manifest is SET)
    assert part.manifest.totals.pictures == len(part.manifest.pictures) or part.is_whole
    return [picture.variant for picture in part.manifest.pictures]


def test_the_chosen_variant_goes_alone() -> None:
    assert kept("passed_over", "approved", "passed_over") == [2]


def test_where_none_is_chosen_all_go() -> None:
    assert kept() == [1, 2, 3]
    assert kept("passed_over", "passed_over", "passed_over") == [1, 2, 3]


def test_a_variant_that_nobody_passed_over_goes_too() -> None:
    assert kept("approved", "passed_over") == [1, 3]


def test_what_is_left_behind_is_named_for_good() -> None:
    rows = review_pictures(
        SET,
        {
            place_of(picture): Decision(
                place=place_of(picture),
                brand="b",
                campaign="c",
                number=1,
                verdict="approved" if picture.variant == 1 else "passed_over",
                who="ada",
            )
            for picture in SET.pictures
        },
    )

    assert choose_variants(SET, rows).manifest.passed_over == (
        "spring_launch/kitchen/linkedin_post/en/v2",
        "spring_launch/kitchen/linkedin_post/en/v3",
    )
