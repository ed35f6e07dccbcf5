"""Which decisions are evidence for a character's likeness, and which are left out."""

from dataclasses import replace

from nbp_dagster.studio.provenance.picture_index import KnownPicture
from nbp_dagster.studio.review.decision_log import Decision, Place, Verdict
from nbp_dagster.studio.thresholds.likeness_decisions import (
    LIKENESS,
    LikenessDecisions,
    gather_decisions,
)

KEY = "winter/kitchen/all/1x1/v1"
STORY = KnownPicture(
    sha256="story",
    prompt_key=KEY,
    brand="acme",
    campaign="winter",
    channel="story",
    locale="all",
    width=1,
    height=1,
    model="m",
    provider="oxen",
    fingerprint="f",
    generation_id="g",
    made_at=None,
    sketch=b"",
)
POST = replace(STORY, sha256="post", channel="post")
ORIGINAL = replace(STORY, sha256="original", channel="")
FILES = (STORY, POST, ORIGINAL)


def decision(verdict: Verdict = "approved", fault: str = "", sha256: str = "story") -> Decision:
    return Decision(
        place=Place(KEY, sha256, "all", sha256),
        brand="acme",
        campaign="winter",
        number=1,
        verdict=verdict,
        fault=fault,
        who="ada",
    )


def gather(
    *decisions: Decision,
    cast: tuple[str, ...] = ("ada",),
    files: tuple[KnownPicture, ...] = FILES,
    is_present: bool = True,
) -> LikenessDecisions:
    return gather_decisions(
        decisions,
        casts={KEY: cast},
        find_files=lambda _: files,
        is_present=lambda _: is_present,
    )


def reasons(found: LikenessDecisions) -> str:
    assert found.originals == ()
    (reason,) = found.left_out
    return reason


def test_an_approval_says_that_each_character_is_like_its_sheet() -> None:
    found = gather(decision(), cast=("ada", "bo"))

    (original,) = found.originals
    assert (original.sha256, original.cast, original.is_like) == ("original", ("ada", "bo"), True)
    assert found.left_out == {}


def test_an_original_counts_once_for_all_its_channels() -> None:
    assert len(gather(decision(), decision(sha256="post")).originals) == 1


def test_only_a_rejection_for_likeness_speaks_of_it() -> None:
    assert gather(decision("rejected", "subject_whole")).originals == ()
    assert gather(decision("rejected", "subject_whole")).left_out == {}
    (original,) = gather(decision("rejected", LIKENESS)).originals
    assert not original.is_like


def test_what_can_not_count_is_left_out_and_said() -> None:
    simulated = tuple(replace(row, provider="simulator") for row in FILES)

    assert "several" in reasons(gather(decision("rejected", LIKENESS), cast=("ada", "bo")))
    assert "simulated" in reasons(gather(decision(), files=simulated))
    assert "earlier brief" in reasons(gather(decision(), is_present=False))
    assert "not known" in reasons(gather(decision(), files=()))
    assert "no character" in reasons(gather(decision(), cast=()))
    both = gather(decision(), decision("rejected", LIKENESS, sha256="post"))
    assert "both ways" in reasons(both)
