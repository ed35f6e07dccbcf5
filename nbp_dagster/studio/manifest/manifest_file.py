"""The manifest as a file of a set's folder: its name, and reading and writing it."""

from pathlib import Path
from typing import Final

from nbp_dagster.studio.manifest.manifest import ManifestError, SetManifest, from_json, to_json
from nbp_dagster.studio.storage.files import write_atomically

MANIFEST: Final = "manifest.json"
"""The manifest's name in a set's folder."""


def read_manifest(path: Path) -> SetManifest:
    """Parse a file that `write_manifest` wrote.

    Raises:
        ManifestError: It can't be read, or not by this version; see `from_json`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} can't be read ({error}); make the set again") from None
    return from_json(text, what=str(path))


def write_manifest(manifest: SetManifest, path: Path) -> None:
    """Write the manifest to a file, whole or not at all.

    Raises:
        StoreError: The file cannot be written.
    """
    write_atomically(path, to_json(manifest).encode())
