"""Reads a set as it was written, and makes sure that it is whole."""

import hashlib
import json
from pathlib import Path
from typing import Any


def read_written_set(home: Path, campaign: str) -> dict[str, Any]:
    """Return the manifest of a home's set, once every file of it is found whole."""
    folder = home / "sets" / campaign
    manifest = dict(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    for picture in manifest["pictures"]:
        data = (folder / picture["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == picture["sha256"], picture["file"]
    return manifest
