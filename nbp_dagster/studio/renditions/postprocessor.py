"""Postprocesses originals in the threads that decoded them: renditions, record and preview."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.decode_limiter import DecodeLimiter, count_decodes
from nbp_dagster.studio.imaging.thumbnails import dialog_preview, inline_preview
from nbp_dagster.studio.ledger.orders import Generated, Made, Order, Outcome, Reused
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.renditions.renderer import Renderer

logger = logging.getLogger(__name__)


class OrderLookup(Protocol):
    """Finds what a picture was bought by; `Regenerations` does."""

    def order_for(self, order: Order, fingerprint: str) -> Order:
        """Return the order, softened wording or correction that has a fingerprint."""
        ...


@dataclass(frozen=True)
class RenderInputs:
    """What the renditions of some prompts are made from; looked up once, as threads share it.

    Attributes:
        briefs: The briefs.
        prompts: By key.
        orders: What each prompt compiles to, by key.
        sheets: Character sheets by brand, then by `brand/character`.
        lookup: Finds the order a picture was bought by, where that was softened or corrected.
    """

    briefs: Briefs
    prompts: Mapping[str, Prompt]
    orders: Mapping[str, Order]
    sheets: Mapping[str, Mapping[str, Sheet]]
    lookup: OrderLookup


@dataclass(frozen=True)
class Rendered:
    """What was made of one original.

    Attributes:
        preview: Markdown image under 1000 characters, which the Dagster UI shows inline; empty
            where the original can't be decoded.
        record: The prompt's renditions; None where none were wanted.
        problem: Why there is no rendition, where one could not be made.
        picture: The first rendition, or the original where none was wanted, as a markdown image
            that the UI shows in a dialog; empty where none is wanted or it can't be read.
    """

    preview: str = ""
    record: PromptRecord | None = None
    problem: str | None = None
    picture: str = ""


class Postprocessor:
    """Renders images and keeps each result until it is taken.

    `postprocess` is called from several threads at once, `take` from the one that records.

    Args:
        read_original: Gives the bytes of a paid original; see `purchasing.originals`.
        renderer: Makes the renditions.
        inputs: What renditions are made from; None to make only previews.
        picture_px: Pixels of the longer side of `Rendered.picture`; 0 for none.
    """

    def __init__(
        self,
        read_original: Callable[[Made], bytes],
        renderer: Renderer,
        inputs: RenderInputs | None = None,
        *,
        picture_px: int = 0,
    ) -> None:
        self._read_original = read_original
        self._renderer = renderer
        self._inputs = inputs
        self._picture_px = picture_px
        self._rendered: dict[str, Rendered] = {}

    def warm_up(self) -> None:
        """Start a thread that prepares the renderer while the first picture is made."""
        threading.Thread(target=self._warm_up, name="nbp-warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        inputs = self._inputs
        if inputs is None:
            return
        try:
            # What is prepared for one prompt serves all others of its brand.
            firsts = {inputs.briefs.campaigns[p.campaign].brand: p for p in inputs.prompts.values()}
            for brand, sheets in inputs.sheets.items():
                self._renderer.prepare(render_context_of(inputs.briefs, firsts[brand]), sheets)
        except NbpError as error:
            # The first picture meets the same error and reports it.
            logger.debug("the renderer was not prepared: %s", error)

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        """Make the preview and, where they are wanted, the renditions.

        An error keeps the outcome as it is and becomes its `Rendered.problem`.

        Args:
            made: The outcome of one prompt.
            image: Its decoded original; None to read it from the store only if need be.
        """
        problem: str | None = None
        inputs = self._inputs
        try:
            if inputs is not None:
                context = render_context_of(inputs.briefs, inputs.prompts[made.key])
                # The wording that was bought in the end, where one was softened or corrected.
                order = inputs.lookup.order_for(inputs.orders[made.key], made.receipt.fingerprint)
                sheets = inputs.sheets[context.brand.id]
                record = self._renderer.render(context, order.request, made, image, sheets=sheets)
                picture = self._picture_of(record)
                self._rendered[made.key] = Rendered(record.preview, record, picture=picture)
                return
        except NbpError as error:
            # The original is paid and stored; only its renditions are missing.
            problem = str(error)
        try:
            pixels = self._read(made) if image is None else image
            self._rendered[made.key] = Rendered(
                inline_preview(pixels), problem=problem, picture=self._show(pixels)
            )
        except NbpError as error:
            self._rendered[made.key] = Rendered(problem=problem or str(error))

    def postprocess_each(self, outcomes: Iterable[Outcome]) -> Iterator[list[Outcome]]:
        """Yield outcomes in their order, a few at a time, once their images are postprocessed."""
        threads, decode_limiter = count_decodes(), DecodeLimiter()
        pending: deque[tuple[Outcome, Future[None] | None]] = deque()
        with ThreadPoolExecutor(threads, thread_name_prefix="nbp-postprocess") as pool:
            for outcome in outcomes:
                future = None
                if isinstance(outcome, Generated | Reused):
                    future = pool.submit(self._postprocess_stored, outcome, decode_limiter)
                pending.append((outcome, future))
                if len(pending) > 4 * threads:
                    yield [_wait_for(*pending.popleft()) for _ in range(2 * threads)]
            while pending:
                yield [_wait_for(*pending.popleft())]

    def _postprocess_stored(self, made: Made, decode_limiter: DecodeLimiter) -> None:
        with decode_limiter.acquire(made.image.width * made.image.height):
            self.postprocess(made, None)

    def get(self, key: str) -> Rendered:
        """Return the result for a prompt, and keep it."""
        return self._rendered[key]

    def set(self, key: str, rendered: Rendered) -> None:
        """Replace the result for a prompt."""
        self._rendered[key] = rendered

    def take(self, key: str) -> Rendered:
        """Return the result for a prompt, once."""
        return self._rendered.pop(key)

    def _read(self, made: Made) -> Image.Image:
        what = f"image {made.image.sha256[:12]}"
        return decode_image(self._read_original(made), what=what).image

    def _picture_of(self, record: PromptRecord) -> str:
        """Return the first rendition as its thumbnail shows it: no original is decoded for it."""
        thumb = self._renderer.thumb(record.pictures[0]) if self._picture_px else None
        if thumb is None:
            return ""
        return self._show(decode_image(thumb, what=f"thumbnail of {record.prompt_key}").image)

    def _show(self, image: Image.Image) -> str:
        return dialog_preview(image, self._picture_px) if self._picture_px else ""


def _wait_for(outcome: Outcome, future: Future[None] | None) -> Outcome:
    if future is not None:
        future.result()
    return outcome
