"""The built wheel: what is in it, and that it works where there is no repository."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import PATIENCE, ROOT

DATA = (
    "nbp_dagster/py.typed",
    "nbp_dagster/instance/dagster.yaml",
    "nbp_dagster/briefs/channels.yaml",
    "nbp_dagster/studio/sets/templates/gallery.html.j2",
    "nbp_dagster/studio/sets/templates/index.html.j2",
    "nbp_dagster/studio/sets/templates/gallery.css",
    "nbp_dagster/studio/sets/templates/gallery.js",
    "nbp_dagster/studio/report/templates/report.html.j2",
    "nbp_dagster/studio/report/templates/report.css",
    "nbp_dagster/studio/vision/networks/face_detection_full_range.onnx",
    "nbp_dagster/studio/vision/networks/face_resnet.onnx",
    "nbp_dagster/studio/vision/networks/LICENSE-APACHE-2.0.txt",
    "nbp_dagster/studio/vision/networks/LICENSE-CC0-1.0.txt",
)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing of ours in its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, "NBP_SIMULATOR_LATENCY": "0.05"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with what is installed: nothing is fetched."""
    folder = tmp_path_factory.mktemp("dist")
    words = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    done = run(sys.executable, *words, ROOT, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel and the dependencies, without the source.

    The dependencies are those of the environment that runs the tests, by way of a path file. Path
    files within that path are not read, so the editable install of the source stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    words = ("--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel)
    done = run(sys.executable, "-m", "pip", *words, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    [packages] = folder.glob("lib/python*/site-packages")
    paths = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (packages / "dependencies.pth").write_text("\n".join(paths), encoding="utf-8")
    return folder / "bin"


# Resolved together, as each time costs half a minute: versions that suit all suit each alone. `dev`
# is apart because it holds packages to exact versions, which would narrow the others' choice.
EXTRAS = ("azure,c2pa,celery,character,gcs,heic,ocr,otel,postgres,s3,svg", "dev")
# Seconds of the processor, which the machine's other work hardly lengthens: pip took 30 for all the
# others and 48 for `dev`, which asks for most. One that tries version after version takes minutes.
RESOLVED_WITHIN = 120.0


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with nothing but its own pip."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, symlinks=True, with_pip=True)
    return folder / "bin" / "python"


def resolve(python: Path, wheel: Path, extra: str, report: Path) -> dict[str, str]:
    """Have plain pip choose the versions for the wheel, from wherever this machine's pip looks."""
    requirement = f"nbp-dagster[{extra}] @ {wheel.as_uri()}"
    words = ("install", "--quiet", "--dry-run", "--report", report, requirement)
    before = _seconds_of_children()
    done = subprocess.run(
        [str(word) for word in (python, "-m", "pip", *words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert _seconds_of_children() - before < RESOLVED_WITHIN
    chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {item["metadata"]["name"].lower(): item["metadata"]["version"] for item in chosen}


def _seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("extra", EXTRAS)
def test_plain_pip_finds_versions_for_all_extras_in_an_empty_environment(
    wheel: Path, empty: Path, tmp_path: Path, extra: str
) -> None:
    chosen = resolve(empty, wheel, extra, tmp_path / "report.json")

    assert "nbp-dagster" in chosen
    assert chosen["dagster"] == chosen["dagster-webserver"]
    assert {"dagster-postgres", "psycopg", "psycopg-binary", "psycopg2-binary"} <= set(chosen)
    # With 2.1, `postgresql://` leads to the driver that Dagster's NOTIFY fails on.
    assert chosen["sqlalchemy"].startswith("2.0.")


def test_every_extra_is_resolved() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    resolved = {name for extra in EXTRAS for name in extra.split(",")}
    assert set(project["optional-dependencies"]) == resolved


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert set(DATA) <= names
    own = {name for name in names if ".dist-info/" not in name}
    source = (path for path in (ROOT / "nbp_dagster").rglob("*") if path.is_file())
    assert own == {
        path.relative_to(ROOT).as_posix() for path in source if "__pycache__" not in path.parts
    }


def test_the_entry_points_lead_somewhere(installed: Path, tmp_path: Path) -> None:
    script = (
        "import nbp_dagster; from importlib.metadata import distribution;"
        "print(nbp_dagster.__file__);"
        "[print(entry.name, entry.load()) for entry in distribution('nbp-dagster').entry_points]"
    )

    done = run(installed / "python", "-c", script, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    home, *entries = done.stdout.splitlines()
    assert Path(home).is_relative_to(installed.parent)
    assert {entry.split()[0] for entry in entries} == {"nbp", "nbp_dagster"}


def test_the_installed_command_accepts_the_sample_briefs(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "assets_config", tmp_path / "assets_config")

    done = run(installed / "nbp", "validate", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "no errors" in done.stdout


def test_the_installed_command_makes_a_set(installed: Path, tmp_path: Path) -> None:
    write_briefs(tmp_path / "assets_config", campaign(shot("attic", characters=[])))

    done = run(installed / "nbp", "run", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(done.stdout.splitlines()[-1]).is_relative_to(tmp_path / ".nbp" / "sets")


PAGE = (ROOT / "docs" / "component.md").read_text("utf-8")
# What `create-dagster` 1.13.27 wrote on 2026-11-24, but for tests and dependencies.
CREATED = {
    "pyproject.toml": """\
[project]
name = "acme"
requires-python = ">=3.10,<3.15"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "acme"
registry_modules = [
    "acme.components.*",
]
""",
    "src/acme/__init__.py": "",
    "src/acme/defs/__init__.py": "",
    "src/acme/definitions.py": """\
from pathlib import Path

from dagster import definitions, load_from_defs_folder


@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
""",
}


def write_files(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty project."""
    root = tmp_path_factory.mktemp("created") / "acme"
    write_files(root, CREATED)
    return root


def commands(number: int) -> list[list[str]]:
    """The `dg` lines of a block of commands of the component's page."""
    block = re.findall(r"^```bash\n(.*?)^```", PAGE, re.M | re.S)[number]
    return [line.split()[1:] for line in block.splitlines() if line.startswith("dg ")]


def dg(
    words: list[str], project: Path, installed: Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run `dg` in the project, with the environment that has the wheel."""
    return subprocess.run(
        [str(installed / "python"), "-c", "from dagster_dg_cli.cli import main; main()", *words],
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(project.parent),
            "VIRTUAL_ENV": str(installed.parent),
            # Where an editable install of the project points.
            "PYTHONPATH": str(project / "src"),
            "COLUMNS": "200",
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_the_commands_in_the_docs_lead_from_an_empty_project_to_a_picture(
    installed: Path, project: Path
) -> None:
    scaffold, check, listed, *launches = commands(0)

    done = [dg(scaffold, project, installed)]
    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(dg, words, project, installed) for words in (check, listed)]
        done += [look.result() for look in looks]
    done += [dg(words, project, installed) for words in launches]

    assert [item.returncode for item in done] == [0] * 5, [item.stderr[-2000:] for item in done]
    assert (project / "src/acme/defs/marketing/briefs/brands/lantern.yaml").is_file()
    assert "All definitions loaded successfully" in done[1].stdout
    assert "marketing/generated_images" in done[2].stdout
    assert "Materialized value marketing channel_images" in done[-1].stdout + done[-1].stderr


def test_the_project_in_the_docs_has_two_instances_and_a_hook_around_their_steps(
    installed: Path, project: Path
) -> None:
    blocks = re.findall(r"^```(?:python|yaml)\n# (src/\S+)\n(.*?)^```", PAGE, re.M | re.S)
    write_files(project, dict(blocks))
    check, north, south = commands(-1)

    with ThreadPoolExecutor(2) as pool:
        checked = pool.submit(dg, check, project, installed)
        frozen = pool.submit(dg, south, project, installed, ACME_FREEZE="1")
        made = dg(north, project, installed)

    assert len(blocks) == 5
    assert checked.result().returncode == 0, checked.result().stderr
    assert made.returncode == 0, made.stderr[-2000:]
    assert "acme begins with first_boat/pier/all/1x1/v1" in made.stdout + made.stderr
    assert "acme is done" in made.stdout + made.stderr
    assert list((project / ".nbp" / "north" / "store").glob("*/*"))
    assert frozen.result().returncode != 0
    assert "campaigns are frozen" in frozen.result().stdout + frozen.result().stderr
    assert not list((project / ".nbp" / "south" / "store").glob("??/*"))
