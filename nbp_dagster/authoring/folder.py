"""Reads a brand from a folder of files: pages, style sheets, logos, fonts, texts; opens no link."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nbp_dagster.authoring.html_page import Page, read_page
from nbp_dagster.authoring.material import LogoFile, Material, Styles, decode_text, drawn_logo
from nbp_dagster.errors import NbpError

_MOST_FILES: Final = 2000
_DEPTH: Final = 5
_MOST_PAGES: Final = 20
_TEXT_BYTES: Final = 4 * 1024 * 1024
_LOGO_BYTES: Final = 16 * 1024 * 1024
_PAGES: Final = (".html", ".htm")
_PICTURES: Final = (".svg", ".png", ".webp", ".jpg", ".jpeg", ".tif", ".tiff")
_FONTS: Final = (".ttf", ".otf")
_TEXTS: Final = (".txt", ".md")


class FolderError(NbpError):
    """A folder that no brand can be begun from."""


def read_folder(folder: Path) -> Material:
    """Return what the files of a folder say of a brand.

    Args:
        folder: Hidden files, links and what lies deeper than five folders are passed over.

    Raises:
        FolderError: There is no such folder, or nothing in it says anything.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: no such folder; give the folder of the brand's files")
    problems: list[str] = []
    files = list(_list_files(folder, problems))
    documents = sorted(_of_kind(files, _PAGES), key=_rank_page)[:_MOST_PAGES]
    pages = [(name, read_page(data)) for name, data in _read_all(documents, folder, problems)]
    styles = [
        Styles(f"the style sheet {name}", decode_text(data))
        for name, data in _read_all(_of_kind(files, (".css",)), folder, problems)
    ]
    styles += [
        Styles(f"a style element of {name}", text) for name, page in pages for text in page.styles
    ]
    texts = [
        (name, decode_text(data))
        for name, data in _read_all(_of_kind(files, _TEXTS), folder, problems)
    ]
    logos = list(_list_logos(folder, files, pages))
    if not (pages or styles or texts or logos):
        raise FolderError(
            f"{folder}: has no page, style sheet, text or logo; accepted: .html, .css, "
            f".md, .txt, and {', '.join(_PICTURES)} with logo in its name"
        )
    return Material(
        source=str(folder),
        label=folder.resolve().name,
        pages=pages,
        styles=styles,
        logos=logos,
        fonts=_of_kind(files, _FONTS),
        texts=texts,
        problems=problems,
    )


def _list_files(folder: Path, problems: list[str]) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        hidden = (".", "node_modules")
        folders[:] = sorted(
            name for name in folders if not name.startswith(hidden) and depth < _DEPTH
        )
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > _MOST_FILES:
                problems.append(f"{folder}: more than {_MOST_FILES} files; the others are unread")
                return
            yield path


def _of_kind(files: list[Path], endings: tuple[str, ...]) -> list[Path]:
    return [path for path in files if path.suffix.lower() in endings]


def _rank_page(path: Path) -> tuple[bool, int, str]:
    return path.stem.lower() != "index", len(path.parts), path.name


def _read_all(files: list[Path], folder: Path, problems: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the name below the folder and the content of each file that can be read."""
    for path in files:
        data = _read(path, problems)
        if data is not None:
            yield path.relative_to(folder).as_posix(), data


def _read(path: Path, problems: list[str]) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(_TEXT_BYTES + 1)
    except OSError as error:
        problems.append(f"{path} can't be read: {error.strerror or error}")
        return None
    if len(data) > _TEXT_BYTES:
        problems.append(f"{path} is larger than {_TEXT_BYTES // 1024**2} MiB, and is left out")
        return None
    return data


def _list_logos(
    folder: Path, files: list[Path], pages: list[tuple[str, Page]]
) -> Iterator[LogoFile]:
    """Yield what may be the logo: by its name, an SVG first; then drawings within pages.

    Where no name says so, a picture alone in the folder is taken for it.
    """
    pictures = _of_kind(files, _PICTURES)
    named = [path for path in pictures if "logo" in path.stem.lower()]
    named = named or [path for path in pictures if "wordmark" in path.stem.lower()]
    ranked = sorted(named, key=lambda path: (_PICTURES.index(path.suffix.lower()), len(path.parts)))
    for path in ranked:
        yield _file(path, folder)
    for name, page in pages:
        for mark in page.logos:
            if mark.svg:
                drawn = drawn_logo(mark)
                yield LogoFile(f"{mark.origin} {name}", drawn.load)
    if not named and len(pictures) == 1:
        yield _file(pictures[0], folder)


def _file(path: Path, folder: Path) -> LogoFile:
    def load() -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(_LOGO_BYTES)
        except OSError as error:
            raise FolderError(f"{path} can't be read: {error.strerror or error}") from error

    return LogoFile(f"the file {path.relative_to(folder).as_posix()}", load)
