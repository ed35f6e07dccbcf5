"""Each reason not to send a set is one clear line; a sound set has none."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.studio.delivery.refusals import Candidate, list_refusals
from nbp_dagster.studio.manifest.manifest import CheckFacts, Missing, SetManifest, set_digest
from tests.rigs.parcels import mark, write_sample
from tests.rigs.sets import build_set


def candidate(folder: Path, manifest: SetManifest, **changes: Any) -> Candidate:
    sound = Candidate(
        folder=folder,
        manifest=manifest,
        version=set_digest(manifest),
        recorded=set_digest(manifest),
        blocking_checks=(),
        allow_missing=False,
        allow_simulated=False,
    )
    return replace(sound, **changes)


def write(folder: Path, *, marked: bool = True, simulated: bool = False) -> SetManifest:
    sample = build_set(
        scale=0.05, shots=("kitchen",), channels=("linkedin_post",), simulated=simulated
    )
    if marked:
        sample = mark(sample, simulated=simulated)
    return write_sample(folder, sample)


def test_a_sound_set_is_not_refused(tmp_path: Path) -> None:
    manifest = write(tmp_path)

    assert list(list_refusals(candidate(tmp_path, manifest))) == []


def test_simulated_pictures_go_to_trials_alone(tmp_path: Path) -> None:
    manifest = write(tmp_path, simulated=True)

    [reason] = list_refusals(candidate(tmp_path, manifest))
    assert "it holds simulated pictures, and those are never published but" in reason
    assert list(list_refusals(candidate(tmp_path, manifest, allow_simulated=True))) == []


def test_pictures_without_the_mark_are_named(tmp_path: Path) -> None:
    manifest = write(tmp_path, marked=False)

    [reason] = list_refusals(candidate(tmp_path, manifest))

    assert "do not say in their file that they are made with AI" in reason
    assert manifest.pictures[0].file in reason


@pytest.mark.parametrize("recorded", [None, "another"])
def test_a_set_that_dagster_has_not_recorded_is_refused(
    tmp_path: Path, recorded: str | None
) -> None:
    [reason] = list_refusals(candidate(tmp_path, write(tmp_path), recorded=recorded))

    assert "does not hold the set that Dagster has recorded" in reason


def test_a_failed_blocking_check_is_named_and_a_warning_is_not(tmp_path: Path) -> None:
    manifest = write(tmp_path)
    failed = CheckFacts(
        name="exact_pixels", verdict="failed", sentence="no", severity="error", figures={}
    )
    warned = replace(failed, name="smallest_letter", severity="warn")
    first, second = manifest.pictures
    rows = (replace(first, checks=(failed, warned)), replace(second, checks=(warned,)))
    changed = replace(manifest, pictures=rows)

    [reason] = list_refusals(candidate(tmp_path, changed))

    assert f"{first.prompt_key}: exact_pixels" in reason
    assert "smallest_letter" not in reason


def test_gaps_are_refused_without_leave(tmp_path: Path) -> None:
    manifest = write(tmp_path)
    row = manifest.pictures[0]
    gap = Missing(
        prompt_key="spring_launch/kitchen/fr/16x9/v1",
        shot="kitchen",
        locale="fr",
        ratio="16:9",
        variant=1,
        channels=(row.channel,),
        state="not_made",
        reason="nobody made it",
    )
    changed = replace(manifest, missing=(gap,))

    [reason] = list_refusals(candidate(tmp_path, changed))

    assert "spring_launch/kitchen/fr/16x9/v1: nobody made it" in reason
    assert list(list_refusals(candidate(tmp_path, changed, allow_missing=True))) == []


@pytest.mark.parametrize("act", ["edit", "remove"])
def test_files_that_were_changed_since_are_named_first(tmp_path: Path, act: str) -> None:
    manifest = write(tmp_path)
    path = tmp_path / manifest.pictures[1].file
    path.unlink() if act == "remove" else path.write_bytes(b"edited")

    reason, *_ = list_refusals(candidate(tmp_path, manifest))

    assert "files were changed or removed after it was written" in reason
    assert manifest.pictures[1].file in reason
    assert manifest.pictures[0].file not in reason
