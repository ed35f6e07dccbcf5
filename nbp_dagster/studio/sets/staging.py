"""Stages a large set: copies finished files into its folder while other pictures are bought."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.sets.gallery import read_template
from nbp_dagster.studio.sets.set_files import (
    INLINE_SETS,
    Cell,
    SetFiles,
    label_of,
    plan_contact_sheets,
)
from nbp_dagster.studio.sets.staged_index import StagedIndex

# Records that may wait for an idle core; with more, files are copied on a busy machine too.
_MOST_WAITING = 64
# Seconds between two looks for an idle core.
_POLL_SECONDS = 0.02

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetOutline:
    """What is known of a set before its pictures are made.

    Attributes:
        title: Drawn on its contact sheets.
        counts: Number of pictures of each prompt, by its key, in the set's order.
        channel_names: By channel id.
    """

    title: str
    counts: Mapping[str, int]
    channel_names: Mapping[str, str]

    @property
    def pictures(self) -> int:
        """Number of pictures of the whole set."""
        return sum(self.counts.values())


class SetStager:
    """Copies pictures and thumbnails, and draws full contact sheets, in a thread.

    It does most of the work of `write_set` in advance, and writes no other files: an existing file
    is left to `write_set`, and so are sets small enough for inline thumbnails. It waits for an
    idle core, so that it does not slow down rendering, until too many records are waiting.

    Args:
        folder: The set's folder.
        outline: What the set will contain.
        rendition: Gives the file of a picture.
        thumb: Gives a thumbnail's bytes by its digest; None where it is not at hand.
        is_idle: Whether there is an idle core.

    Example:
        >>> with SetStager(folder, outline, rendition=path, thumb=get, is_idle=idle) as stager:
        ...     stager.add(record)
    """

    def __init__(
        self,
        folder: Path,
        outline: SetOutline,
        *,
        rendition: Callable[[Picture], Path],
        thumb: Callable[[str], bytes | None],
        is_idle: Callable[[], bool],
    ) -> None:
        self._folder = folder
        self._outline = outline
        self._rendition = rendition
        self._thumb = thumb
        self._is_idle = is_idle
        self._waiting: queue.SimpleQueue[PromptRecord | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._contact_sheets = list(plan_contact_sheets(outline.title, outline.pictures))
        # Number of pictures before each prompt's own.
        before = accumulate(outline.counts.values(), initial=0)
        self._starts = dict(zip(outline.counts, before, strict=False))
        self._cells: dict[int, Cell] = {}

    def __enter__(self) -> Self:
        if self._outline.pictures > INLINE_SETS:
            self._thread = threading.Thread(target=self._work, name="nbp-stage", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the current file, and leave the rest to `write_set`."""
        self._closing.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def add(self, record: PromptRecord) -> None:
        """Queue a prompt's files to be staged; return at once."""
        if self._thread is not None:
            self._waiting.put(record)

    def _work(self) -> None:
        try:
            # Compiled here, so that `write_set` need not wait for it.
            read_template()
            staged = StagedIndex(self._folder)
            while (record := self._waiting.get()) is not None and not self._closing.is_set():
                self._wait_until_idle()
                self._write(record, staged)
        except (NbpError, OSError) as error:
            # `write_set` meets the same error and raises it.
            logger.info("the set %s is not staged any further: %s", self._folder, error)
        except Exception:  # the pictures are paid and made; only this head start is lost
            logger.exception("the set %s is not staged any further", self._folder)

    def _wait_until_idle(self) -> None:
        while not self._is_idle() and self._waiting.qsize() < _MOST_WAITING:
            if self._closing.wait(_POLL_SECONDS):
                return

    def _write(self, record: PromptRecord, staged: StagedIndex) -> None:
        def kept_thumb(picture: Picture) -> bytes | None:
            digest = record.thumbs.get(picture.sha256)
            return None if digest is None else self._thumb(digest)

        files = SetFiles(self._folder, staged, self._rendition, kept_thumb)
        is_as_planned = len(record.pictures) == self._outline.counts.get(record.prompt_key)
        for number, picture in enumerate(record.pictures):
            if self._closing.is_set():
                return
            files.write(picture)
            thumb = files.write_thumb(picture)
            if is_as_planned:
                label = label_of(picture, self._outline.channel_names)
                place = self._starts[record.prompt_key] + number
                self._cells[place] = Cell(label, picture.sha256, thumb)
        self._draw_full(files)

    def _draw_full(self, files: SetFiles) -> None:
        """Draw the contact sheets whose pictures are all there."""
        for sheet in list(self._contact_sheets):
            if self._closing.is_set():
                return
            if all(place in self._cells for place in sheet.places):
                files.write_contact_sheet(sheet, [self._cells[place] for place in sheet.places])
                self._contact_sheets.remove(sheet)
