"""The built wheel: what is in it, and that it works where there is no repository."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.fakes.briefs import campaign, shot, write_briefs
from tests.fakes.processes import ROOT

DATA = (
    "nbp_dagster/py.typed",
    "nbp_dagster/dagster.yaml",
    "nbp_dagster/brand/channels.yaml",
    "nbp_dagster/studio/templates/gallery.html.j2",
    "nbp_dagster/studio/templates/index.html.j2",
    "nbp_dagster/studio/templates/gallery.css",
    "nbp_dagster/studio/templates/gallery.js",
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
        timeout=120,
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
