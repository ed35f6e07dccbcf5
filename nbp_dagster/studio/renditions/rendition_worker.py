"""From a paid original to what is shown of it, in the threads that have its pixels in hand."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.decode_limiter import DecodeLimiter, count_decodes
from nbp_dagster.studio.imaging.thumbnails import inline_preview
from nbp_dagster.studio.ledger.orders import Generated, Made, Outcome, Reused
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.purchasing.collector import Postprocess
from nbp_dagster.studio.storage.image_store import ImageStore

logger = logging.getLogger(__name__)

Render = Callable[[Made, Image.Image | None], PromptRecord]
"""Makes, or finds made, the renditions of the prompt that an image was made for."""


@dataclass(frozen=True)
class Rendered:
    """What was made of one original.

    Attributes:
        preview: Markdown image under 1000 characters, which the Dagster UI shows inline; empty
            where the original can't be decoded.
        record: The prompt's renditions; None where none were asked for.
        problem: Why there is no rendition, where one could not be made.
    """

    preview: str = ""
    record: PromptRecord | None = None
    problem: str | None = None


class Postprocessor:
    """Develops images and keeps what came of each until it is asked for.

    `postprocess` is called from several threads at once, `take` from the one that records.

    Args:
        store: Where originals are.
        render: Makes the renditions; None to make only previews.
        prepare: Does what the first picture would otherwise wait for.
    """

    def __init__(
        self,
        store: ImageStore,
        render: Render | None,
        *,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._render = render
        self._prepare = prepare
        self._developed: dict[str, Rendered] = {}

    def warm_up(self) -> None:
        """Make ready for the first picture in a thread, while it is waited for; returns at once."""
        threading.Thread(target=self._warm_up, name="nbp-warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        try:
            self._prepare()
        except NbpError as error:
            # The first picture meets it again and says so.
            logger.debug("not made ready: %s", error)

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        """Make the preview and, where they are wanted, the renditions.

        Args:
            made: The outcome of one prompt.
            image: Its decoded original; None to read it from the store only if need be.
        """
        problem: str | None = None
        try:
            if self._render is not None:
                record = self._render(made, image)
                self._developed[made.key] = Rendered(record.preview, record)
                return
        except NbpError as error:
            # The original is paid and kept; only what is made of it is missing.
            problem = str(error)
        try:
            self._developed[made.key] = Rendered(self._preview(made, image), problem=problem)
        except NbpError as error:
            self._developed[made.key] = Rendered(problem=problem or str(error))

    def look(self, key: str) -> Rendered:
        """Return what came of a prompt's image, and keep it."""
        return self._developed[key]

    def put(self, key: str, rendered: Rendered) -> None:
        """Keep this of a prompt, whatever was made of it since."""
        self._developed[key] = rendered

    def take(self, key: str) -> Rendered:
        """Return what came of a prompt's image, once."""
        return self._developed.pop(key)

    def _preview(self, made: Made, image: Image.Image | None) -> str:
        if image is None:
            digest = made.image.sha256
            image = decode_image(self._store.get(digest), what=f"image {digest[:12]}").image
        return inline_preview(image)


def postprocess_each(
    outcomes: Iterable[Outcome], postprocess: Postprocess
) -> Iterator[list[Outcome]]:
    """Yield outcomes in their order, each image among them rendered before; a few at a time."""
    hands, places = count_decodes(), DecodeLimiter()

    def work(made: Made) -> None:
        with places.acquire(made.image.width * made.image.height):
            postprocess(made, None)

    underway: deque[tuple[Outcome, Future[None] | None]] = deque()
    with ThreadPoolExecutor(hands, thread_name_prefix="nbp-postprocess") as pool:
        for outcome in outcomes:
            developing = None
            if isinstance(outcome, Generated | Reused):
                developing = pool.submit(work, outcome)
            underway.append((outcome, developing))
            if len(underway) > 4 * hands:
                yield [_finished(*underway.popleft()) for _ in range(2 * hands)]
        while underway:
            yield [_finished(*underway.popleft())]


def _finished(outcome: Outcome, developing: Future[None] | None) -> Outcome:
    if developing is not None:
        developing.result()
    return outcome
