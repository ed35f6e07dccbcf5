"""The code location as Dagster loads it: its shape, and what it must not hold."""

from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.briefs.load import BriefError
from nbp_dagster.project import build_definitions
from nbp_dagster.settings import Settings
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.dagster_private import RepositorySnap

NAMES = Names()
SECRET = "test-key-3f9a"

SHAPE = """\
brand_kits <- nothing; 1 partitions
campaign_sets <- channel_images; 1 partitions
channel_images <- generated_images; 3 partitions
character_sheets <- brand_kits; 2 partitions
generated_images <- image_requests; 3 partitions
image_requests <- brand_kits, character_sheets; 3 partitions
published_sets <- campaign_sets; 1 partitions"""


def test_the_assets_have_their_shape(location: CodeLocation) -> None:
    graph = location.definitions().get_repository_def().asset_graph
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        parents = ", ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        assert node.partitions_def is not None
        count = len(node.partitions_def.get_partition_keys())
        lines.append(f"{key.to_user_string()} <- {parents or 'nothing'}; {count} partitions")

    assert "\n".join(lines) == SHAPE


def test_every_asset_says_what_it_is(location: CodeLocation) -> None:
    graph = location.definitions().get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description
        assert node.group_name == "marketing"
        assert node.kinds
        assert node.owners == ["team:marketing"]
        assert node.code_version
        assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_the_setting_cuts_backfills_of_the_prompt_assets_and_of_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_briefs(tmp_path / "briefs", campaign(shot("kitchen"), shot("garden")))
    monkeypatch.setenv("NBP_CONFIG", str(folder))
    monkeypatch.setenv("NBP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NBP_PROMPTS_PER_RUN", "7")

    graph = build_definitions().get_repository_def().asset_graph

    policies = {key: graph.get(key).backfill_policy for key in graph.get_all_asset_keys()}
    single, cut = dg.BackfillPolicy.single_run(), dg.BackfillPolicy.multi_run(7)
    assert policies == {**dict.fromkeys(policies, single), **dict.fromkeys(PROMPT_ASSETS, cut)}


def test_prompts_stand_in_brief_order(location: CodeLocation) -> None:
    assert location.prompts() == [
        "winter/kitchen/all/1x1/v1",
        "winter/garden/all/1x1/v1",
        "winter/attic/all/1x1/v1",
    ]


def test_the_key_is_not_in_what_dagster_serialises(location: CodeLocation) -> None:
    snapshot = RepositorySnap.from_def(location.definitions().get_repository_def())
    text = dg.serialize_value(snapshot)

    assert "OXEN_API_KEY" in text
    assert SECRET not in text


def test_the_key_is_in_no_event_no_file_and_no_message(
    location: CodeLocation, tmp_path: Path
) -> None:
    """Even when the service repeats it in its own words."""
    location.service.script(
        {"kind": "fail", "prompt": "kitchen", "message": f"bad key {SECRET} for Bearer {SECRET}"},
        {"kind": "status", "status": 400, "prompt": "garden", "message": f"no: {SECRET}"},
    )
    location.sheets_made()

    result = location.materialize(
        [NAMES.image_requests, NAMES.generated_images, NAMES.channel_images]
    )

    assert not result.success
    for entry in location.instance.all_logs(result.run_id):
        assert SECRET not in dg.serialize_value(entry)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_folder_without_briefs_loads_with_no_partitions(tmp_path: Path) -> None:
    (tmp_path / "briefs").mkdir()

    definitions = build_definitions(Settings(config=tmp_path / "briefs", home=tmp_path / "home"))

    graph = definitions.get_repository_def().asset_graph
    assert graph.get(NAMES.generated_images).partitions_def is not None


def test_an_unfinished_brief_takes_no_other_out_of_dagster_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_briefs(tmp_path / "briefs", campaign(shot("kitchen", characters=[])))
    (folder / "campaigns" / "broken.yaml").write_text("id: broken\nobjective: [\n", "utf-8")

    definitions = build_definitions(Settings(config=folder, home=tmp_path / "home"))

    graph = definitions.get_repository_def().asset_graph
    partitions = graph.get(NAMES.generated_images).partitions_def
    assert partitions is not None
    assert list(partitions.get_partition_keys()) == ["winter/kitchen/all/1x1/v1"]
    [line] = [each.message for each in caplog.records if "left out" in each.message]
    assert line.startswith("left out until it is corrected: campaigns/broken.yaml:")


def test_a_brand_that_is_wrong_for_one_campaign_takes_no_other_out_of_dagster(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_briefs(
        tmp_path / "briefs",
        campaign(shot("kitchen", characters=[])),
        campaign(shot("pier", characters=[]), shot("beach", characters=[]), id="summer"),
        brand={**BRAND, "file_names": "{channel}_{locale}"},
    )

    definitions = build_definitions(Settings(config=folder, home=tmp_path / "home"))

    graph = definitions.get_repository_def().asset_graph
    loaded = {
        key: graph.get(key).partitions_def.get_partition_keys()  # type: ignore[union-attr]
        for key in (NAMES.generated_images, NAMES.brand_kits, NAMES.character_sheets)
    }
    assert list(loaded[NAMES.generated_images]) == ["winter/kitchen/all/1x1/v1"]
    assert list(loaded[NAMES.brand_kits]) == ["hilltop"]
    assert list(loaded[NAMES.character_sheets]) == ["hilltop/ada", "hilltop/ben"]
    [line] = [each.message for each in caplog.records if "left out" in each.message]
    assert "brands/hilltop.yaml:" in line
    assert "campaign summer" in line


def test_a_missing_folder_of_briefs_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BriefError, match="NBP_CONFIG"):
        build_definitions(Settings(config=tmp_path / "nowhere", home=tmp_path / "home"))
