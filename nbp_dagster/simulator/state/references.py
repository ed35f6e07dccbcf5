"""Reference pictures of a request: shortened, echoed, checked and located; never fetched."""

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from PIL import Image

from nbp_dagster.simulator.painting.paint_worker import (
    InlinePicture,
    PaintOrder,
    Source,
    StoredPicture,
    UnknownPicture,
    decode_data_uri,
)
from nbp_dagster.simulator.state.blobs import BlobStore
from nbp_dagster.simulator.state.jobs import Job
from nbp_dagster.simulator.state.repos import RepositoryStore
from nbp_dagster.simulator.state.signed_links import LinkSigner

_FIELD = "input_image"
_HANDLE = "inline:"
_HANDLE_FORM = re.compile(r"inline:([0-9a-f]{64})")
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
_RESULT_PATH = re.compile(r"/api/repos/[^/]+/playground/file/main/generations/([^/]+)\.(?:png|jpg)")
_FILE_PATH = re.compile(r"/api/repos/([^/]+)/([^/]+)/file/([^/]+)/(.+)")


@dataclass(frozen=True)
class Unreachable:
    """A reference the service could not have read; `message` is its error text."""

    message: str


def result_path(namespace: str, generation_id: str, suffix: str = "png") -> str:
    """Return the path, unquoted, under which a job's picture is downloaded."""
    return f"/api/repos/{namespace}/playground/file/main/generations/{generation_id}.{suffix}"


class ReferenceResolver:
    """Resolves the `input_image` field of requests.

    Args:
        blobs: Keeps `data:` references, each once.
        repositories: Looked into for references that are files of the simulator.
        signer: Checks links to results and private files.
        find_job: Finds the job of a link to a result.
        order_picture: Returns how to paint the result of a job.
    """

    def __init__(
        self,
        blobs: BlobStore,
        repositories: RepositoryStore,
        *,
        signer: LinkSigner,
        find_job: Callable[[str], Job | None],
        order_picture: Callable[[Job], PaintOrder],
    ) -> None:
        self._blobs = blobs
        self._repositories = repositories
        self._signer = signer
        self._find_job = find_job
        self._order_picture = order_picture
        self._sound_files: set[Path] = set()

    def shorten(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with each `data:` reference put aside and a handle in place."""
        return self._map_references(parameters, self._put_aside)

    def show(self, parameters: Mapping[str, Any], *, inline: bool) -> dict[str, Any]:
        """Return the parameters for an answer, `data:` references in full or as a digest."""
        return self._map_references(parameters, self._bring_back if inline else _show_digest)

    def identity(self, parameters: Mapping[str, Any]) -> str:
        """Return a text that is equal for equal parameters, however links were signed."""
        return json.dumps(self._map_references(parameters, _strip_signature), sort_keys=True)

    def locate(self, reference: str, origin: str) -> Source | Unreachable:
        """Return where to take a reference from, whatever its permissions."""
        return self._locate(reference, origin, with_permission=False)

    def find_flaw(self, parameters: Mapping[str, Any], origin: str) -> str | None:
        """Return why the references cannot be used now, or None when they can."""
        for reference in parameters.get(_FIELD) or ():
            source = self._locate(reference, origin, with_permission=True)
            if isinstance(source, Unreachable):
                return source.message
        return None

    def clear(self) -> None:
        """Forget which references were checked."""
        self._sound_files.clear()

    def _map_references(
        self, parameters: Mapping[str, Any], change: Callable[[str], str]
    ) -> dict[str, Any]:
        changed = dict(parameters)
        references = changed.get(_FIELD)
        if isinstance(references, list):
            changed[_FIELD] = [
                change(reference) if isinstance(reference, str) else reference
                for reference in references
            ]
        return changed

    def _put_aside(self, reference: str) -> str:
        if not reference.startswith("data:"):
            return reference
        return _HANDLE + self._blobs.put(reference.encode())

    def _bring_back(self, reference: str) -> str:
        path = self._find_inline(reference)
        return reference if path is None else path.read_text(encoding="utf-8")

    def _find_inline(self, reference: str) -> Path | None:
        """Return the file of a handle; None for any other text, one that only looks like it too."""
        found = _HANDLE_FORM.fullmatch(reference)
        path = None if found is None else self._blobs.path(found.group(1))
        return path if path is not None and path.is_file() else None

    def _locate(
        self, reference: str, origin: str, *, with_permission: bool
    ) -> Source | Unreachable:
        inline = self._find_inline(reference)
        if inline is not None:
            return self._locate_inline(inline)
        url = _split(reference)
        if url is None or url.scheme not in ("http", "https") or not url.netloc:
            return Unreachable(f"input_image: not a URL or data URI: {reference[:80]!r}")
        is_own = f"{url.scheme}://{url.netloc}" == origin or url.hostname in _LOOPBACK_HOSTS
        if not is_own:
            return UnknownPicture(_strip_signature(reference))
        path = unquote(url.path)
        is_signed = self._signer.is_valid(path, dict(parse_qsl(url.query)))
        permitted = is_signed or not with_permission
        result = _RESULT_PATH.fullmatch(path)
        if result is not None:
            return self._locate_result(result.group(1), reference, permitted=permitted)
        return self._locate_file(path, reference, permitted=permitted)

    def _locate_inline(self, path: Path) -> Source | Unreachable:
        if not self._is_sound(path, lambda: decode_data_uri(path.read_text(encoding="utf-8"))):
            return Unreachable("input_image: a data URI holds no readable image")
        return InlinePicture(path)

    def _is_sound(self, path: Path, read: Callable[[], bytes]) -> bool:
        """Return whether a file holds a picture; each file is checked once."""
        if path not in self._sound_files and _is_picture(read):
            self._sound_files.add(path)
        return path in self._sound_files

    def _locate_result(
        self, generation_id: str, url: str, *, permitted: bool
    ) -> Source | Unreachable:
        job = self._find_job(generation_id)
        if job is None or not job.has_picture:
            return _client_error("404 Client Error: Not Found", url)
        if not permitted:
            return _client_error("403 Client Error: Forbidden", url)
        return self._order_picture(job)

    def _locate_file(self, path: str, url: str, *, permitted: bool) -> Source | Unreachable:
        found = _FILE_PATH.fullmatch(path)
        repository = self._repositories.find(*found.group(1, 2)) if found else None
        if found is None or repository is None:
            # A link copied from the service with only its host replaced lands here.
            return UnknownPicture(path)
        commit = repository.find_commit(found.group(3))
        digest = None if commit is None else commit.files.get(found.group(4))
        if digest is None:
            return _client_error("404 Client Error: Not Found", url)
        if not (permitted or repository.is_public):
            return _client_error("403 Client Error: Forbidden", url)
        file = self._blobs.path(digest)
        if not self._is_sound(file, file.read_bytes):
            return Unreachable(f"input_image: no readable image at {_strip_signature(url)}")
        return StoredPicture(file)


def _client_error(reason: str, url: str) -> Unreachable:
    return Unreachable(f"Getting model response error: {reason} for url: {_strip_signature(url)}")


def _split(reference: str) -> SplitResult | None:
    try:
        return urlsplit(reference)
    except ValueError:
        return None


def _strip_signature(reference: str) -> str:
    """Return a URL without its query when that carries a signature; else as it is."""
    return reference.partition("?")[0] if "oxen_signature=" in reference else reference


def _show_digest(reference: str) -> str:
    if not reference.startswith(_HANDLE):
        return reference
    return f"data:;sha256={reference.removeprefix(_HANDLE)}"


def _is_picture(read: Callable[[], bytes]) -> bool:
    try:
        with Image.open(io.BytesIO(read())) as image:
            image.verify()
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return False
    return True
