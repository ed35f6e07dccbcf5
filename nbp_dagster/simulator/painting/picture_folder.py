"""Serves a folder of real pictures in place of painted ones; knows no HTTP and no jobs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from nbp_dagster.simulator.painting.sizes import nearest_ratio

INDEX: Final = "index.json"
"""A file in the folder that maps pieces of prompts to file names; it may be absent."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class PictureFolder:
    """Pictures that stand in for painted ones, chosen by the prompt.

    Attributes:
        files: Every picture of the folder, by name.
        by_ratio: The same by the aspect ratio that each is nearest to.
        index: Pieces of prompts and the picture of each, in the file's order.

    Example:
        >>> folder = PictureFolder.open(Path("pictures"))
        >>> folder.read("A fox at the door", ratio="4:5", variant=0)[:2]
        b'\\xff\\xd8'
    """

    files: tuple[Path, ...]
    by_ratio: Mapping[str, tuple[Path, ...]]
    index: tuple[tuple[str, Path], ...] = ()

    @classmethod
    def open(cls, folder: Path) -> "PictureFolder":
        """Read which pictures a folder has, of JPEG, PNG and WebP, and its index.

        Raises:
            ValueError: It has no picture, or its index is not one.
        """
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder; give one with JPEG, PNG or WebP pictures")
        shapes = {path: _find_ratio(path) for path in sorted(folder.iterdir())}
        by_ratio: dict[str, tuple[Path, ...]] = {}
        for path, ratio in shapes.items():
            if ratio is not None:
                by_ratio[ratio] = (*by_ratio.get(ratio, ()), path)
        files = tuple(path for path, ratio in shapes.items() if ratio is not None)
        if not files:
            raise ValueError(f"{folder} has no JPEG, PNG or WebP picture; put some there")
        return cls(files, by_ratio, _read_index(folder, files))

    def read(self, prompt: str, *, ratio: str, variant: int) -> bytes:
        """Return the bytes of a request's picture, as they are in the folder.

        A picture that the index names for a piece of the prompt comes first. Otherwise the hash of
        prompt and variant chooses among those of the ratio that was asked for, or among all where
        there are none of it. Equal arguments give equal bytes as long as the folder stays.

        Args:
            prompt: The text.
            ratio: The aspect ratio that was asked for.
            variant: 0 for the first picture of a request, 1 for the next.
        """
        named = next((path for piece, path in self.index if piece in prompt), None)
        return (named or self._choose(prompt, ratio, variant)).read_bytes()

    def _choose(self, prompt: str, ratio: str, variant: int) -> Path:
        choice = self.by_ratio.get(ratio, self.files)
        number = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big")
        return choice[(number + variant) % len(choice)]


def _find_ratio(path: Path) -> str | None:
    """Return the ratio that a file's picture is nearest to; None for what is no picture."""
    if not path.is_file() or path.name == INDEX:
        return None
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return nearest_ratio(*image.size)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None


def _read_index(folder: Path, files: tuple[Path, ...]) -> tuple[tuple[str, Path], ...]:
    path = folder / INDEX
    if not path.is_file():
        return ()
    accepted = 'accepted: {"piece of a prompt": "file name", ...}'
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{path} is not JSON; {accepted}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}; {accepted}")
    known = {each.name: each for each in files}
    for piece, name in found.items():
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"{path}: {piece!r} names {name!r}, which is no picture of the folder")
    return tuple((piece, known[name]) for piece, name in found.items())
