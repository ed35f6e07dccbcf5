"""Who drifts from the sheet and who from the set, from the records of a set's prompts."""

import base64
from dataclasses import replace

from nbp_dagster.studio.checks.set_outliers import check_agreement, drifting, rank_likenesses
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from tests.rigs.sets import build_set


def record(number: int, *, standing: float, found: bytes) -> PromptRecord:
    """A prompt whose picture shows so much of each of four colours of Ada."""
    row = LikenessFacts(
        prompt_key=f"winter/{number}/all/1x1/v1",
        character="ada",
        scorer="colour",
        scorer_version="1",
        score=standing,
        standing=standing,
        threshold=0.5,
        calibrated=False,
        trace=base64.b64encode(found).decode(),
    )
    return PromptRecord(
        prompt_key=row.prompt_key,
        fingerprint="f",
        recipe="r",
        pictures=(),
        preview="",
        likenesses=(row,),
    )


ALIKE = [record(n, standing=0.9 - n / 100, found=bytes([250, 240, 250, 245])) for n in range(5)]
ODD = record(9, standing=0.3, found=bytes([250, 0, 0, 10]))


def test_the_least_like_comes_first_and_traces_stay_behind() -> None:
    """A manifest carries scores, not what they were made of."""
    rows = rank_likenesses([*ALIKE, ODD])
    assert [row.standing for row in rows] == sorted(row.standing for row in rows)
    assert rows[0].prompt_key == ODD.prompt_key
    assert {row.trace for row in rows} == {""}
    assert rows[0].self_similarity < rows[-1].self_similarity


def test_the_one_that_is_unlike_the_others_is_named() -> None:
    """And a set without one passes."""
    manifest = replace(build_set(scale=0.02).manifest, likenesses=rank_likenesses([*ALIKE, ODD]))
    finding = check_agreement(manifest)
    assert finding.verdict == "failed"
    assert finding.sentence == f"unlike the rest of the set: ada in {ODD.prompt_key}"
    assert drifting(rank_likenesses(ALIKE)) == ()


def test_two_pictures_are_too_few_to_compare() -> None:
    """Skipped, not passed."""
    rows = rank_likenesses(ALIKE[:2])
    assert [row.self_similarity for row in rows] == [None, None]
    finding = check_agreement(replace(build_set(scale=0.02).manifest, likenesses=rows))
    assert finding.verdict == "skipped"
