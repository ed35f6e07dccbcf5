"""What the docs name exists, and what exists is in the docs."""

import inspect
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import click
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.automation.notifications import EVERY_KIND, Notification, build_notification_sensor
from nbp_dagster.automation.set_notifications import (
    EVERY_SET_KIND,
    SetNotification,
    build_set_notification_sensor,
)
from nbp_dagster.briefs.channels import load_packaged_channels
from nbp_dagster.cli.main import main
from nbp_dagster.oxen.metered_client import Usage
from nbp_dagster.resources.usage import describe_usage
from nbp_dagster.settings import Settings, variable_of
from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS
from nbp_dagster.studio.checks.original_checks import ORIGINAL_CHECKS
from nbp_dagster.studio.checks.rendition_checks import RENDITION_CHECKS
from nbp_dagster.studio.checks.set_checks import SET_CHECKS

ROOT = Path(__file__).parent.parent
DOCS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [variable_of(field) for field in Settings.model_fields])
def test_every_setting_is_in_operations(name: str) -> None:
    assert f"| `{name}` |" in read("docs/operations.md")


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_in_operations(name: str) -> None:
    assert f"| `nbp {name}` |" in read("docs/operations.md")


@pytest.mark.parametrize("name", sorted(load_packaged_channels()))
def test_every_channel_is_in_its_page(name: str) -> None:
    assert f"`{name}`" in read("docs/channels.md")


@pytest.mark.parametrize(
    "name",
    [
        check.name
        for check in (
            *RENDITION_CHECKS,
            *ORIGINAL_CHECKS,
            *CHARACTER_CHECKS,
            *OCR_CHECKS,
            *EDIT_CHECKS,
            *SET_CHECKS,
        )
    ],
)
def test_every_check_is_in_its_page(name: str) -> None:
    assert f"| `{name}` |" in read("docs/checks.md")


def test_every_figure_of_an_assets_use_is_in_its_page() -> None:
    usage = Usage(images=2, maybe_images=1, unpriced_images=1)

    for name in describe_usage(usage, provider="oxen"):
        assert f"| `{name}` |" in read("docs/resource.md")


def test_everything_about_notifications_is_in_its_page() -> None:
    text = read("docs/resource.md")
    options = set(inspect.signature(build_notification_sensor).parameters) - {"notify"}

    for name in [*options, *(field.name for field in fields(Notification)), *EVERY_KIND]:
        assert f"`{name}`" in text


def test_everything_about_notifications_of_sets_is_in_its_page() -> None:
    text = read("docs/resource.md")
    options = set(inspect.signature(build_set_notification_sensor).parameters) - {"notify"}

    for name in [*options, *(field.name for field in fields(SetNotification)), *EVERY_SET_KIND]:
        assert f"`{name}`" in text


def test_every_asset_is_in_the_readme() -> None:
    names = [name for name in vars(Names) if not name.startswith("_") and name != "prefix"]

    assert len(names) == 7
    for name in names:
        assert f"| `{name}` |" in read("README.md")


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_make_targets_in_the_docs_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(named) <= targets


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_settings_named_in_the_docs_exist(path: Path) -> None:
    known = {variable_of(field) for field in Settings.model_fields}
    named = re.findall(r"\b(?:NBP|OXEN)_[A-Z0-9_]*[A-Z0-9]\b", path.read_text("utf-8"))

    assert set(named) <= known


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_commands_named_in_the_docs_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    for words in re.findall(r"(?:`|^ *(?:\.venv/bin/)?)nbp ([a-z][^`#\n]*)", text, re.MULTILINE):
        check_command(words.split())


def check_command(words: list[str]) -> None:
    """Fail for a command, or an option of one, that `nbp` does not have."""
    command: click.Command = main
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        assert words[0] in command.commands, f"nbp has no {words}"
        command = command.commands[words.pop(0)]
    options = {name for option in command.params for name in option.opts}
    named = {word.split("=")[0] for word in words if word.startswith("--")}
    assert named <= options, f"nbp {command.name} has no {named - options}"


def test_a_command_that_does_not_exist_is_noticed() -> None:
    check_command(["ledger", "reopen", "KEY", "--reason", "TEXT"])

    for words in (["lego"], ["run", "--cheap"], ["ledger", "burn", "KEY"]):
        with pytest.raises(AssertionError):
            check_command(words)


def test_the_modules_that_the_security_page_names_exist() -> None:
    named = re.findall(r"`([a-z_/0-9]+\.py)`", read("docs/security.md"))

    assert len(named) > 20
    assert [name for name in named if not (ROOT / "nbp_dagster" / name).is_file()] == []


def test_every_page_is_in_the_readme() -> None:
    linked = set(re.findall(r"\]\(docs/([a-z_-]+\.md)", read("README.md")))

    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_the_readme_runs_exactly_the_commands_ci_runs() -> None:
    assert "make test" in read("README.md")
    assert re.findall(r"^make (\S+)", read(".ci/run"), re.MULTILINE) == [
        *("test", "checks", "soak")
    ]


def test_no_tracked_file_names_a_package_registry() -> None:
    # Put together here, so that this file does not name one either.
    hosts = "|".join(
        rf"{name}\.{end}"
        for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))
    )
    found = subprocess.run(
        ["git", "grep", "-nIE", hosts], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert found.stdout == ""
