"""The component in somebody else's project: it loads, runs, coexists, and says what is wrong."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.resolved.errors import ResolutionException
from dagster.components.testing import DefsFolderSandbox, create_defs_folder_sandbox
from pydantic import ValidationError

from nbp_dagster.assets.names import Names
from nbp_dagster.assets.step import studio_key
from nbp_dagster.components import BrandCampaigns
from nbp_dagster.components.component import BriefsUnusable
from nbp_dagster.components.translation import SpecRefused
from nbp_dagster.resources.oxen import OxenResource
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Outcome
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.code_location import PROMPT_ASSETS
from tests.rigs.dagster_private import RepositorySnap
from tests.rigs.service import ServiceProbe

TYPE = "nbp_dagster.components.BrandCampaigns"
SECRET = "acme-key-77c1"
DOCS = Path(__file__).parents[3] / "docs" / "component.md"

pytestmark = [
    # Dagster and what it calls warn about themselves while a defs folder is loaded.
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[DefsFolderSandbox]:
    """An empty project, without a key in the environment."""
    monkeypatch.delenv("OXEN_API_KEY", raising=False)
    with create_defs_folder_sandbox() as project:
        yield project


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as ephemeral:
        yield ephemeral


def add(sandbox: DefsFolderSandbox, name: str, **attributes: Any) -> Path:
    """Add an instance with one small campaign to the project; returns its folder."""
    folder = sandbox.defs_folder_path / name
    write_briefs(folder / "briefs", campaign(shot("kitchen"), shot("attic", characters=[])))
    document = {"type": TYPE, "attributes": {"simulator_latency": 0, **attributes}}
    (folder / "defs.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, *assets: dg.AssetKey
) -> dg.ExecuteInProcessResult:
    """Materialize every partition of the assets, which have the same ones, in one run."""
    partitions = definitions.resolve_asset_graph().get(assets[0]).partitions_def
    assert partitions is not None
    keys = partitions.get_partition_keys()
    return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=list(assets),
        tags={
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[-1],
        },
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def run_campaign(
    definitions: dg.Definitions, instance: dg.DagsterInstance, names: Names
) -> dg.ExecuteInProcessResult:
    """Make everything from the brand to the set; returns the run of the prompts."""
    run(definitions, instance, names.brand_kits)
    run(definitions, instance, names.character_sheets)
    result = run(
        definitions, instance, names.image_requests, names.generated_images, names.channel_images
    )
    run(definitions, instance, names.campaign_sets)
    return result


def serialised(definitions: dg.Definitions) -> str:
    """What Dagster stores and its UI gets."""
    return dg.serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))


def examples(language: str) -> list[str]:
    """The code blocks of the component's page."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS.read_text("utf-8"), re.M | re.S)


def root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def test_an_instance_brings_its_assets_and_their_resources(sandbox: DefsFolderSandbox) -> None:
    folder = add(sandbox, "marketing", key_prefix=["acme", "eu"], group="campaigns")

    with sandbox.load_component_and_build_defs(folder) as (component, definitions):
        assert isinstance(component, BrandCampaigns)
        graph = definitions.resolve_asset_graph()
        keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
        assert len(keys) == 7
        assert all(key.startswith("acme/eu/") for key in keys)
        assert {graph.get(key).group_name for key in graph.get_all_asset_keys()} == {"campaigns"}
        assert set(definitions.resources or {}) == {
            "acme__eu__studio",
            "acme__eu__publish_destination",
            "acme__eu__progress",
        }
        definitions.get_repository_def()


def test_two_instances_are_two_groups_by_themselves(sandbox: DefsFolderSandbox) -> None:
    groups = []
    for name, prefix in (("north", "north"), ("south", ["acme", "south"]), ("plain", None)):
        folder = add(sandbox, name, **({"key_prefix": prefix} if prefix else {}))
        with sandbox.load_component_and_build_defs(folder) as (_, definitions):
            graph = definitions.resolve_asset_graph()
            groups.append({graph.get(key).group_name for key in graph.get_all_asset_keys()})

    assert groups == [{"north"}, {"acme_south"}, {"marketing"}]


def test_an_instance_makes_a_campaign_on_the_simulator(
    sandbox: DefsFolderSandbox, instance: dg.DagsterInstance
) -> None:
    folder = add(sandbox, "marketing", key_prefix="marketing")
    names = Names(("marketing",))

    with sandbox.load_component_and_build_defs(folder) as (_, definitions):
        result = run_campaign(definitions, instance, names)

    made = instance.get_materialized_partitions(names.channel_images)
    assert made == {"winter/kitchen/all/1x1/v1", "winter/attic/all/1x1/v1"}
    checks = result.get_asset_check_evaluations()
    assert {item.asset_key for item in checks} == {names.channel_images}
    written = sandbox.project_root / ".nbp" / "marketing" / "sets" / "winter"
    assert (written / "index.html").is_file()
    assert len(list(written.glob("images/instagram_square/*.jpg"))) == 2


def test_two_instances_run_side_by_side(
    sandbox: DefsFolderSandbox, instance: dg.DagsterInstance
) -> None:
    """Even in one run, over the same campaign, each works on its own briefs and state."""
    add(sandbox, "north", key_prefix="north")
    add(sandbox, "south", key_prefix="south")
    north, south = Names(("north",)), Names(("south",))

    with sandbox.build_all_defs() as definitions:
        run(definitions, instance, north.brand_kits, south.brand_kits)

    for names, folder in ((north, "north"), (south, "south")):
        event = instance.get_latest_materialization_event(names.brand_kits)
        assert event is not None
        assert event.asset_materialization is not None
        brief = Path(str(event.asset_materialization.metadata["brief"].value))
        assert brief.is_relative_to(sandbox.defs_folder_path / folder)
        assert (sandbox.project_root / ".nbp" / folder / "ledger.sqlite").is_file()


def test_two_instances_can_share_a_file(sandbox: DefsFolderSandbox) -> None:
    folder = add(sandbox, "both")
    documents = [{"type": TYPE, "attributes": {"key_prefix": name}} for name in ("north", "south")]
    (folder / "defs.yaml").write_text(yaml.safe_dump_all(documents), encoding="utf-8")

    with sandbox.build_all_defs() as definitions:
        assert len(definitions.resolve_asset_graph().get_all_asset_keys()) == 14


def test_live_definitions_load_without_the_key_and_never_hold_it(
    sandbox: DefsFolderSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_KEY", raising=False)
    folder = add(sandbox, "marketing", mode="live", api_key_env="ACME_KEY")
    with sandbox.load_component_and_build_defs(folder) as (_, definitions):
        without = serialised(definitions)

    monkeypatch.setenv("ACME_KEY", SECRET)
    with sandbox.load_component_and_build_defs(folder) as (_, definitions):
        text = serialised(definitions)

    assert "ACME_KEY" in without
    assert "ACME_KEY" in text
    assert SECRET not in text


def test_a_store_that_machines_share_is_named_by_its_variable(
    sandbox: DefsFolderSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_STORE", f"sftp://anna:{SECRET}@files.example/pictures")
    folder = add(sandbox, "marketing", store_url_env="ACME_STORE")

    with sandbox.load_component_and_build_defs(folder) as (_, definitions):
        studio = definitions.resources[studio_key(Names())]
        text = serialised(definitions)

    assert studio.store_url == dg.EnvVar("ACME_STORE")
    assert SECRET not in text


def test_live_mode_buys_with_the_key_of_the_named_variable(
    sandbox: DefsFolderSandbox,
    instance: dg.DagsterInstance,
    simulator: SimulatorServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = add(sandbox, "marketing", mode="live", base_url=simulator.url, api_key_env="ACME_KEY")
    names = Names()
    with sandbox.load_component_and_build_defs(folder) as (_, definitions):
        monkeypatch.delenv("ACME_KEY", raising=False)
        with pytest.raises(Exception, match="ACME_KEY"):
            run(definitions, instance, names.character_sheets)
        assert ServiceProbe(simulator.url).bills == 0

        monkeypatch.setenv("ACME_KEY", SECRET)
        run(definitions, instance, names.character_sheets)

    assert ServiceProbe(simulator.url).bills == 2
    event = instance.get_latest_materialization_event(names.character_sheets)
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["drawn_by"].value == "live"


def test_a_missing_folder_of_briefs_is_one_error_that_says_where(
    sandbox: DefsFolderSandbox,
) -> None:
    folder = add(sandbox, "marketing", briefs="brifs")

    with pytest.raises(Exception) as caught, sandbox.build_all_defs():
        pass

    cause = root_cause(caught.value)
    assert isinstance(cause, BriefsUnusable)
    assert str(cause) == (
        f"the BrandCampaigns of {folder} has no briefs: there is no folder {folder}/brifs; create "
        "it with brands/ and campaigns/ in it, or correct `briefs` in defs.yaml"
    )


def test_one_broken_brief_takes_no_other_out_of_dagster_and_is_told(
    sandbox: DefsFolderSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    folder = add(sandbox, "marketing")
    write_briefs(folder / "briefs", campaign(shot("kitchen", characters=[])))
    (folder / "briefs" / "campaigns" / "broken.yaml").write_text("id: broken\nshots: [\n", "utf-8")

    with sandbox.build_all_defs() as definitions:
        graph = definitions.get_repository_def().asset_graph
        [key] = [key for key in graph.get_all_asset_keys() if key.path[-1] == "generated_images"]
        partitions = graph.get(key).partitions_def

    assert partitions is not None
    assert list(partitions.get_partition_keys()) == ["winter/kitchen/all/1x1/v1"]
    [line] = {each.message for each in caplog.records if "left out" in each.message}
    assert line.startswith(f"{folder}: left out until it is corrected: campaigns/broken.yaml:")


def test_broken_briefs_are_one_error_with_every_problem(sandbox: DefsFolderSandbox) -> None:
    folder = add(sandbox, "marketing")
    write_briefs(folder / "briefs", campaign(shot("kitchen", characters=["eve"]), channels=["fax"]))

    with pytest.raises(Exception) as caught, sandbox.build_all_defs():
        pass

    cause = root_cause(caught.value)
    assert isinstance(cause, BriefsUnusable)
    assert str(cause).startswith(f"the BrandCampaigns of {folder} can't be used until")
    assert "campaigns/winter.yaml:" in str(cause)
    assert "'eve'" in str(cause)
    assert "'fax'" in str(cause)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"mode": "lve"}, "Input should be 'simulator' or 'live'"),
        ({"simulator_latency": -1}, "-1.0; accepted: seconds, 0 or more"),
        ({"key_prefix": ["acme", "a-b"]}, "'a-b'; accepted: letters, digits and underscores"),
        ({"key_prefix": ""}, "''; accepted: letters, digits and underscores"),
        ({"home": "s3://bucket/nbp"}, "'s3://bucket/nbp'; a URL, where a path of this machine"),
        ({"briefs": "gs://bucket/briefs"}, "'gs://bucket/briefs'; a URL, where a path of this"),
        ({"api_key_env": SECRET}, "not the name of an environment variable"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_refused_with_what_is_accepted(
    attributes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        BrandCampaigns.from_attributes_dict(attributes=attributes)

    assert next(iter(attributes)) in str(caught.value)
    assert told in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"in_flight": 0}, "options.in_flight: 0 - Input should be greater than or equal to 1"),
        (
            {"in_flight": "{{ 2000 }}"},
            "options.in_flight: 2000 - Input should be less than",
        ),
        ({"daily_budget_usd": 0}, "options.daily_budget_usd: 0.0 - Input should be greater than 0"),
        ({"ocr": "sometimes"}, "options.ocr: Input should be 'auto', 'on' or 'off'"),
        ({"character_model": "s3://bucket/dino.onnx"}, "options.character_model: a URL, where a"),
        ({"references_repository": SECRET}, "options.references_repository: String should match"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_wrong_option_is_refused_with_what_is_accepted(
    options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ResolutionException) as caught:
        BrandCampaigns.from_attributes_dict(attributes={"options": options})

    assert told in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_option_cuts_backfills_of_the_prompt_assets_of_its_instance_alone(
    sandbox: DefsFolderSandbox,
) -> None:
    add(sandbox, "north", key_prefix="north", options={"prompts_per_run": 7})
    add(sandbox, "south", key_prefix="south")

    with sandbox.build_all_defs() as definitions:
        graph = definitions.resolve_asset_graph()

    policies = {key: graph.get(key).backfill_policy for key in graph.get_all_asset_keys()}
    cut = dict.fromkeys(
        (key.with_prefix("north") for key in PROMPT_ASSETS), dg.BackfillPolicy.multi_run(7)
    )
    assert len(policies) == 14
    assert policies == {**dict.fromkeys(policies, dg.BackfillPolicy.single_run()), **cut}


@pytest.mark.parametrize("name", ["in_flight", "on_cancel", "references"])
def test_an_option_at_its_old_place_is_one_error_that_says_where_it_moved(
    sandbox: DefsFolderSandbox, name: str
) -> None:
    folder = add(sandbox, "marketing", **{name: 3})

    with pytest.raises(Exception) as caught, sandbox.build_all_defs():
        pass

    cause = root_cause(caught.value)
    assert isinstance(cause, ValidationError)
    assert len(cause.errors()) == 1
    assert f"attributes.{name} at {folder}/defs.yaml:" in str(cause)
    assert "moved below `options:`" in str(cause)
    with pytest.raises(ValidationError, match="moved below `options:`"):
        BrandCampaigns(**{name: 3})


def test_fields_can_be_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_IMAGES", "live")

    component = BrandCampaigns.from_attributes_dict(
        attributes={
            "mode": "{{ env.ACME_IMAGES }}",
            "options": {"in_flight": "{{ 4 * 2 }}", "ocr": False},
        }
    )

    assert (component.mode, component.options.in_flight, component.options.ocr) == (
        "live",
        8,
        "off",
    )


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.totals: list[int] = []
        self.keys: set[str] = set()

    def begin(self, total: int) -> None:
        self.totals.append(total)

    def advance(self, outcome: Outcome) -> None:
        self.keys.add(outcome.key)

    def wait(self, why: str) -> None:
        assert not why, "the simulator was never away"


def test_a_subclass_changes_specs_steps_service_and_who_is_told(
    tmp_path: Path, instance: dg.DagsterInstance, simulator: SimulatorServer
) -> None:
    listener = Listener()
    ran: list[str] = []

    class AcmeCampaigns(BrandCampaigns):
        def get_asset_spec(self, spec: dg.AssetSpec) -> dg.AssetSpec:
            return super().get_asset_spec(spec).merge_attributes(tags={"season": "spring"})

        def execute(self, context: dg.AssetExecutionContext, step: Iterator[Any]) -> Iterator[Any]:
            ran.append("before")
            yield from super().execute(context, step)
            ran.append(",".join(context.partition_keys))

        def get_oxen(self, home: Path) -> OxenResource:
            return OxenResource(api_key="any", base_url=simulator.url)

        def get_progress(self) -> Listener:
            return listener

    write_briefs(tmp_path / "briefs", campaign(shot("kitchen")))
    component = AcmeCampaigns(
        briefs=str(tmp_path / "briefs"), home=str(tmp_path / "home"), key_prefix="acme"
    )
    names = Names(("acme",))

    definitions = dg.build_defs_for_component(component)
    run(definitions, instance, names.character_sheets)

    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        assert graph.get(key).tags["season"] == "spring"
        assert graph.get(key).group_name == "acme"
    assert graph.get(names.generated_images).tags["cost"] == "paid"
    assert ran == ["before", "hilltop/ada,hilltop/ben"]
    assert listener.totals == [2]
    assert listener.keys == {"hilltop/ada", "hilltop/ben"}
    assert ServiceProbe(simulator.url).bills == 2


def _translation_of_the_docs() -> dict[str, Any]:
    page = DOCS.read_text(encoding="utf-8")
    [block] = re.findall(r"^```yaml\nattributes:\n  (translation:.*?)^```", page, re.M | re.S)
    translation: dict[str, Any] = yaml.safe_load(f"  {block}")["translation"]
    return translation


def _translated(tmp_path: Path, translation: dict[str, Any]) -> dg.Definitions:
    write_briefs(tmp_path / "briefs", campaign(shot("kitchen")))
    component = BrandCampaigns.from_attributes_dict(
        attributes={
            "briefs": str(tmp_path / "briefs"),
            "home": str(tmp_path / "home"),
            "key_prefix": "acme",
            "translation": translation,
        }
    )
    return dg.build_defs_for_component(component)


def test_the_translation_in_the_docs_sets_group_owners_and_tags_of_each_asset(
    tmp_path: Path,
) -> None:
    names = Names(("acme",))

    graph = _translated(tmp_path, _translation_of_the_docs()).resolve_asset_graph()

    assert len(graph.get_all_asset_keys()) == 7
    for key in graph.get_all_asset_keys():
        asset = graph.get(key)
        assert asset.group_name == ("paid" if asset.tags.get("cost") == "paid" else "campaigns")
        assert asset.tags["season"] == "spring"
        assert asset.owners == ["team:design"]
    assert graph.get(names.generated_images).group_name == "paid"


def test_a_translation_of_what_the_asset_relies_on_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SpecRefused) as caught:
        _translated(tmp_path, {"key": "kits", "code_version": "7"})

    said = str(caught.value)
    assert said.startswith("asset acme/brand_kits: key became kits: keys come from `key_prefix`")
    assert "code_version became '7'" in said
    assert "deps" not in said


def test_a_subclass_that_changes_a_key_is_refused(tmp_path: Path) -> None:
    class Renamed(BrandCampaigns):
        def get_asset_spec(self, spec: dg.AssetSpec) -> dg.AssetSpec:
            return spec.replace_attributes(key=spec.key.with_prefix("acme"))

    write_briefs(tmp_path / "briefs", campaign(shot("kitchen")))
    component = Renamed(briefs=str(tmp_path / "briefs"), home=str(tmp_path / "home"))

    with pytest.raises(SpecRefused, match="key became acme/brand_kits"):
        dg.build_defs_for_component(component)


def test_the_freshness_policy_in_the_docs_is_one_of_the_sets_alone(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "component.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(from datetime.*?)^```", page, re.M | re.S)
    module: dict[str, Any] = {}
    exec(block, module)
    write_briefs(tmp_path / "briefs", campaign(shot("kitchen")))
    component = module["WeeklyCampaign"](
        briefs=str(tmp_path / "briefs"), home=str(tmp_path / "home")
    )

    graph = dg.build_defs_for_component(component).resolve_asset_graph()

    policies = {key: graph.get(key).freshness_policy for key in graph.get_all_asset_keys()}
    expected = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=8))
    assert policies.pop(Names().campaign_sets) == expected
    assert len(policies) == 6
    assert set(policies.values()) == {None}


def test_a_subclass_that_never_begins_a_step_buys_nothing(
    tmp_path: Path, instance: dg.DagsterInstance, simulator: SimulatorServer
) -> None:
    class Frozen(BrandCampaigns):
        def execute(self, context: dg.AssetExecutionContext, step: Iterator[Any]) -> Iterator[Any]:
            yield from ()

        def get_oxen(self, home: Path) -> OxenResource:
            return OxenResource(api_key="any", base_url=simulator.url)

    write_briefs(tmp_path / "briefs", campaign(shot("attic", characters=[])))
    component = Frozen(briefs=str(tmp_path / "briefs"), home=str(tmp_path / "home"))
    names = Names()

    run(
        dg.build_defs_for_component(component),
        instance,
        names.image_requests,
        names.generated_images,
    )

    assert ServiceProbe(simulator.url).bills == 0
    assert instance.get_materialized_partitions(names.generated_images) == set()


@pytest.mark.parametrize("style", ["yaml", "python"])
def test_what_the_scaffolder_writes_loads(sandbox: DefsFolderSandbox, style: Any) -> None:
    folder = sandbox.scaffold_component(
        BrandCampaigns, defs_path="spring-launch", scaffold_format=style
    )

    with sandbox.build_all_defs() as definitions:
        node = definitions.resolve_asset_graph().get(Names(("spring_launch",)).generated_images)

    assert node.partitions_def is not None
    assert len(node.partitions_def.get_partition_keys()) == 2
    assert (folder / "briefs" / "brands" / "lantern.yaml").is_file()


def test_the_scaffolder_leaves_briefs_that_are_there_alone(sandbox: DefsFolderSandbox) -> None:
    folder = sandbox.defs_folder_path / "marketing"
    write_briefs(folder / "briefs", campaign(shot("kitchen")))

    sandbox.scaffold_component(BrandCampaigns, defs_path="marketing")

    briefs = sorted(path.name for path in (folder / "briefs").rglob("*.yaml"))
    assert briefs == ["hilltop.yaml", "winter.yaml"]


def test_the_example_in_the_docs_loads(sandbox: DefsFolderSandbox) -> None:
    example = examples("yaml")[0]
    folder = add(sandbox, "marketing")
    (folder / "defs.yaml").write_text(example, encoding="utf-8")

    with sandbox.build_all_defs() as definitions:
        graph = definitions.resolve_asset_graph()
        node = graph.get(Names(("acme", "spring")).channel_images)

    assert (node.group_name, node.owners) == ("campaigns", ["team:design"])
    assert node.tags["season"] == "spring"


@pytest.mark.parametrize("name", sorted(BrandCampaigns.model_fields))
def test_every_field_is_described_in_the_schema_and_in_the_docs(name: str) -> None:
    schema = BrandCampaigns.model().model_json_schema()

    assert schema["properties"][name]["description"]
    assert f"| `{name}` |" in DOCS.read_text("utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as `create-dagster` lays it out, with nothing in it."""
    root = tmp_path / "project"
    files: Mapping[str, Sequence[str]] = {
        "pyproject.toml": [
            "[tool.dg]",
            'directory_type = "project"',
            "[tool.dg.project]",
            'root_module = "acme"',
        ],
        "acme/__init__.py": [],
        "acme/defs/__init__.py": [],
        "acme/definitions.py": [
            "from pathlib import Path",
            "import dagster as dg",
            "@dg.definitions",
            "def defs():",
            "    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)",
        ],
    }
    for name, lines in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("\n".join(lines), encoding="utf-8")
    return root


def dg_command(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Dagster's `dg` in a project; nothing of it reaches the network."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "VIRTUAL_ENV": sys.prefix,
        "PYTHONPATH": os.pathsep.join([str(project), str(DOCS.parents[1])]),
        "COLUMNS": "200",
    }
    return subprocess.run(
        [str(Path(sys.executable).with_name("dg")), *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_dg_lists_the_component(project: Path) -> None:
    assert TYPE in dg_command(project, "list", "components").stdout


def test_dg_names_a_misspelt_field_with_its_line(project: Path) -> None:
    folder = project / "acme" / "defs" / "marketing"
    folder.mkdir()
    (folder / "defs.yaml").write_text(f"type: {TYPE}\nattributes:\n  grup: x\n", "utf-8")

    checked = dg_command(project, "check", "yaml")

    assert checked.returncode == 1
    assert "acme/defs/marketing/defs.yaml:3" in checked.stdout + checked.stderr
    assert "'grup' was unexpected" in checked.stdout + checked.stderr


def test_the_day_s_cap_names_the_option_of_the_instance_that_set_it(
    sandbox: DefsFolderSandbox, instance: dg.DagsterInstance
) -> None:
    add(sandbox, "marketing", options={"daily_budget_usd": 0.01})

    with sandbox.build_all_defs() as definitions:
        result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[Names().character_sheets],
            partition_key="hilltop/ada",
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    told = str([event.event_specific_data for event in result.all_events if event.is_step_failure])
    assert "raise options.daily_budget_usd of the BrandCampaigns marketing" in told
    assert "NBP_DAILY_BUDGET_USD" not in told
