"""The delivery list has a row a rendition, with every declaration under the platform's own name."""

import csv
import io
from dataclasses import replace
from pathlib import Path

from nbp_dagster.disclosure.table import load_packaged_table
from nbp_dagster.studio.manifest.manifest import SetManifest, from_json, to_json
from nbp_dagster.studio.manifest.value_types import DisclosureFacts, LabelFacts
from nbp_dagster.studio.sets.delivery_list import render_delivery
from tests.rigs.sets import build_set

GOLDENS = Path(__file__).parents[3] / "goldens"
DECLARED = {row.id: {row.field: row.value} for row in load_packaged_table().declarations}
LABEL = LabelFacts(
    words="AI-generated",
    language="en",
    icon="fully_generated",
    size_px=28,
    box=(54, 900, 254, 940),
)


def labelled() -> SetManifest:
    """Three pictures: labelled by both rules, with the label off, and with none asked for."""
    sample = build_set(scale=0.05).manifest
    facts = (
        DisclosureFacts(
            rules=("eu_ai_act_50", "us_ny_gbl_396b"),
            is_synthetic_performer=True,
            label=LABEL,
            declarations=DECLARED,
        ),
        DisclosureFacts(rules=("eu_ai_act_50",), off="=the player says it", declarations=DECLARED),
        DisclosureFacts(declarations=DECLARED),
    )
    pictures = [
        # Encoders of other versions write other bytes.
        replace(row, disclosure=each, sha256="ab" * 32, bytes=1000, checks=(), framing=None)
        for row, each in zip(sample.pictures, facts, strict=False)
    ]
    campaign = replace(sample.campaign, markets=("eu", "US-NY"), realism="photoreal")
    characters = tuple(replace(each, kind="person") for each in sample.characters)
    return replace(
        sample,
        pictures=tuple(pictures),
        campaign=campaign,
        characters=characters,
        likenesses=(),
        twins=(),
    )


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_delivery(labelled()))))


def test_both_manifests_are_as_their_goldens() -> None:
    """Where they are meant to differ, write what is rendered over them."""
    manifest = labelled()

    assert render_delivery(manifest) == (GOLDENS / "delivery.csv").read_text("utf-8")
    assert to_json(manifest) == (GOLDENS / "manifest.json").read_text("utf-8")
    assert from_json(to_json(manifest)) == manifest


def test_every_platform_s_field_is_a_column() -> None:
    for row in rows():
        assert row["google_ads: SyntheticContentInfo.advertiser_attestation"] == "IS_SYNTHETIC"
        assert row["dv360: syntheticContentAttestationStatus"] == "IS_SYNTHETIC"
        assert row["cm360: syntheticContentAttestationStatus"] == "IS_SYNTHETIC"
        assert row["taboola: ai_disclosure.status"] == "AI_GENERATED"
        assert {"meta", "tiktok", "linkedin"} <= {name.split(":")[0] for name in row}


def test_a_row_says_which_label_its_file_carries() -> None:
    both, off, none = rows()

    assert (both["label"], both["rules"]) == ("AI-generated", "eu_ai_act_50 us_ny_gbl_396b")
    assert both["synthetic_performer"] == "yes"
    assert (off["label"], none["label"], none["rules"]) == ("", "", "")


def test_no_cell_is_a_formula() -> None:
    assert rows()[1]["label_off"] == "'=the player says it"
