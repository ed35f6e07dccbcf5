"""Where people's decisions put a brand's likeness thresholds."""

from collections.abc import Sequence

import pytest

from nbp_dagster.studio.checks.characters.calibration import Calibration
from nbp_dagster.studio.checks.characters.face_path import LEAST_LIMIT, OTHER
from nbp_dagster.studio.checks.characters.lineup import Likeness
from nbp_dagster.studio.thresholds.decided_thresholds import (
    LEAST_DECISIONS,
    DecidedLikeness,
    apply_decisions,
)

SHEETS = Calibration(
    brand="acme",
    scorer="dino",
    scorer_version="1",
    sheets="s",
    cross=0.30,
    genuine=24,
    impostor=48,
    equal_error_rate=0.0,
    area=1.0,
    views={"ada": 3},
)


def bodies(standings: Sequence[float], *, is_like: bool) -> list[DecidedLikeness]:
    return [
        DecidedLikeness("ada", Likeness(0.5, standing, b"", "same"), is_like)
        for standing in standings
    ]


def faces(distances: Sequence[float], *, is_like: bool) -> list[DecidedLikeness]:
    return [
        DecidedLikeness(
            "ada", Likeness(0.5, 0.9, b"", "same", path="face", distance=distance), is_like
        )
        for distance in distances
    ]


LIKE = [0.50 + 0.01 * n for n in range(LEAST_DECISIONS)]
UNLIKE = [0.35 + 0.01 * n for n in range(LEAST_DECISIONS)]


def test_enough_decisions_move_the_threshold_between_the_two() -> None:
    found, (move,) = apply_decisions(
        SHEETS, [*bodies(LIKE, is_like=True), *bodies(UNLIKE, is_like=False)]
    )

    assert 0.44 <= found.cross <= 0.50
    assert (move.before, move.after) == (0.30, found.cross)
    assert (move.doubted, move.passed, move.rate) == (0, LEAST_DECISIONS, 0.0)
    assert found.decisions == {
        "standing of a body": {"approved": LEAST_DECISIONS, "rejected": LEAST_DECISIONS}
    }
    assert found.face_same == SHEETS.face_same


@pytest.mark.parametrize(
    ("approved", "rejected"),
    [(LIKE, UNLIKE[1:]), (LIKE[1:], UNLIKE), (LIKE, []), ([], UNLIKE)],
)
def test_too_few_decisions_move_nothing_and_say_so(
    approved: list[float], rejected: list[float]
) -> None:
    found, (move,) = apply_decisions(
        SHEETS, [*bodies(approved, is_like=True), *bodies(rejected, is_like=False)]
    )

    assert found == SHEETS
    assert "too few" in move.why
    assert (move.approved, move.rejected) == (len(approved), len(rejected))


def test_where_people_and_scorer_see_other_things_nothing_moves() -> None:
    found, (move,) = apply_decisions(
        SHEETS, [*bodies(UNLIKE, is_like=True), *bodies(LIKE, is_like=False)]
    )

    assert found == SHEETS
    assert "no threshold" in move.why


def test_faces_have_a_limit_of_their_own_within_its_bounds() -> None:
    near = [0.20 + 0.005 * n for n in range(LEAST_DECISIONS)]
    far = [0.70 + 0.01 * n for n in range(LEAST_DECISIONS)]
    between = [0.47 + 0.01 * n for n in range(LEAST_DECISIONS)]

    narrow, (move,) = apply_decisions(
        SHEETS, [*faces(near, is_like=True), *faces(between, is_like=False)]
    )
    wide, _ = apply_decisions(SHEETS, [*faces(between, is_like=True), *faces(far, is_like=False)])

    assert narrow.face_same == LEAST_LIMIT
    assert narrow.cross == SHEETS.cross
    assert (move.name, move.before) == ("distance of a face", 0.50)
    assert move.passed == 4
    assert wide.face_same == OTHER


def test_without_decisions_the_sheets_stand() -> None:
    assert apply_decisions(SHEETS, []) == (SHEETS, ())
