"""A large set's files, put into its folder while its other pictures are still waited for."""

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
from nbp_dagster.studio.sets.set_files import INLINE_SETS, SetFiles, Shown, label_of, plan_overviews
from nbp_dagster.studio.sets.staged_index import Advance

# Records that may wait for an idle moment; with more, there is none to be hoped for.
_PATIENT = 64
# Seconds between two looks for an idle moment.
_NAP = 0.02

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outline:
    """What is known of a set before its pictures are made.

    Attributes:
        title: As on its contact sheets.
        counts: How many pictures each prompt has, by its key, in the set's order.
        channel_names: By channel id.
    """

    title: str
    counts: Mapping[str, int]
    channel_names: Mapping[str, str]

    @property
    def pictures(self) -> int:
        """How many the whole set has."""
        return sum(self.counts.values())


class SetStage:
    """Copies pictures and thumbnails, and draws contact sheets that are full, in a thread.

    It spares `write_set` nearly all of its work, and writes nothing it would not: a file that is
    there in any form is left to it. Sets small enough for a page of their own are left to it as
    well. It stays out of the way of those who make pictures, as long as it can keep up.

    Args:
        folder: The set's.
        outline: What the set will have.
        rendition: Gives the file of a picture.
        thumb: Gives a thumbnail's bytes by its digest.
        is_idle: Whether there is a core to spare.

    Example:
        >>> with SetStage(folder, outline, rendition=path, thumb=store.get, is_idle=idle) as stage:
        ...     stage.add(record)
    """

    def __init__(
        self,
        folder: Path,
        outline: Outline,
        *,
        rendition: Callable[[Picture], Path],
        thumb: Callable[[str], bytes],
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
        self._overviews = list(plan_overviews(outline.title, outline.pictures))
        # How many pictures come before each prompt's own.
        before = accumulate(outline.counts.values(), initial=0)
        self._starts = dict(zip(outline.counts, before, strict=False))
        self._shown: dict[int, Shown] = {}

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
        """Finish the file at hand, and leave the rest to `write_set`."""
        self._closing.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def add(self, record: PromptRecord) -> None:
        """Have a prompt's files put there soon; returns at once."""
        if self._thread is not None:
            self._waiting.put(record)

    def _work(self) -> None:
        try:
            # `write_set` would wait for it.
            read_template()
            shelf = Advance(self._folder)
            while (record := self._waiting.get()) is not None and not self._closing.is_set():
                self._wait_for_room()
                self._put(record, shelf)
        except (NbpError, OSError) as error:
            # Whoever writes the set meets it again and says so.
            logger.info("the set %s is not prepared any further: %s", self._folder, error)
        except Exception:  # the pictures are paid and made; only this head start is lost
            logger.exception("the set %s is not prepared any further", self._folder)

    def _wait_for_room(self) -> None:
        while not self._is_idle() and self._waiting.qsize() < _PATIENT:
            if self._closing.wait(_NAP):
                return

    def _put(self, record: PromptRecord, shelf: Advance) -> None:
        def kept_thumb(picture: Picture) -> bytes | None:
            digest = record.thumbs.get(picture.sha256)
            return None if digest is None else self._thumb(digest)

        desk = SetFiles(self._folder, shelf, self._rendition, kept_thumb)
        is_foreseen = len(record.pictures) == self._outline.counts.get(record.prompt_key)
        for number, picture in enumerate(record.pictures):
            if self._closing.is_set():
                return
            desk.put(picture)
            thumb = desk.put_thumb(picture)
            if is_foreseen:
                label = label_of(picture, self._outline.channel_names)
                place = self._starts[record.prompt_key] + number
                self._shown[place] = Shown(label, picture.sha256, thumb)
        self._draw_full(desk)

    def _draw_full(self, desk: SetFiles) -> None:
        """Draw the contact sheets whose pictures are all there."""
        for overview in list(self._overviews):
            if self._closing.is_set():
                return
            if all(place in self._shown for place in overview.places):
                desk.put_overview(overview, [self._shown[place] for place in overview.places])
                self._overviews.remove(overview)
