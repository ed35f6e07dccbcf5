"""Naming markets makes files again and nothing else: no picture is bought, no sheet is made."""

import json
from pathlib import Path
from typing import Any

from nbp_dagster.assets.names import Names
from tests.rigs.briefs import BRAND, OWN_DECLARATION, campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
SHOTS = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))


def manifest_of(location: CodeLocation) -> dict[str, Any]:
    path: Path = location.settings.home / "sets" / "winter" / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_markets_label_the_files_and_buy_nothing(location: CodeLocation) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    paid = location.service.bills
    members = {name: {**each, "kind": "person"} for name, each in BRAND["characters"].items()}
    location.write(
        campaign(*SHOTS, markets=["eu", "US-NY"], realism="photoreal"),
        brand={**BRAND, "characters": members},
    )

    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success

    assert location.service.bills == paid
    manifest = manifest_of(location)
    assert manifest["campaign"]["markets"] == ["eu", "US-NY"]
    rows = {row["shot"]: row["disclosure"] for row in manifest["pictures"]}
    assert rows["kitchen"]["rules"] == ["eu_ai_act_50", "us_ny_gbl_396b"]
    assert rows["attic"]["rules"] == ["eu_ai_act_50"]
    assert rows["kitchen"]["is_synthetic_performer"]
    assert not rows["attic"]["is_synthetic_performer"]
    for row in rows.values():
        assert row["label"]["words"] == "AI-generated"
        assert row["declarations"]["taboola"] == {"ai_disclosure.status": "AI_GENERATED"}
    listed = location.settings.home / "sets" / "winter" / "delivery.csv"
    assert listed.read_text("utf-8").count("AI-generated") >= len(rows)
    page = location.latest(NAMES.campaign_sets, "winter").metadata
    assert "synthetic performer in 2 of 3 shots" in str(page["disclosure"].value)
    verdicts = {
        check["name"]: check["verdict"] for row in manifest["pictures"] for check in row["checks"]
    }
    assert verdicts["disclosure_label"] == "passed"


def test_a_table_of_one_s_own_makes_files_again_and_buys_nothing(location: CodeLocation) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success
    paid = location.service.bills
    before = {row["shot"]: row for row in manifest_of(location)["pictures"]}
    (location.settings.config / "disclosure.yaml").write_text(OWN_DECLARATION, "utf-8")

    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success

    assert location.service.bills == paid
    for row in manifest_of(location)["pictures"]:
        assert row["disclosure"]["declarations"]["meta"] == {"ai_flag": "1"}
        assert row["fingerprint"] == before[row["shot"]]["fingerprint"]
