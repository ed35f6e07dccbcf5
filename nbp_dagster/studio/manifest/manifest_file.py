"""The manifest as a file of a set's folder: its name, and reading and writing it."""

from pathlib import Path
from typing import Final

from nbp_dagster.gc_pause import collector_paused
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
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path} can't be read ({error}); make the set again") from None
    # Of 10,000 pictures (170 MB) 1 s of CPU instead of 2.6: no text is made, no object walked over.
    with collector_paused():
        return from_json(data, what=str(path))


def write_manifest(manifest: SetManifest, path: Path) -> None:
    """Write the manifest to a file, whole or not at all.

    Raises:
        StoreError: The file cannot be written.
    """
    write_atomically(path, to_json(manifest).encode())
