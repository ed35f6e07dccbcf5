"""Sets the copy of a rendition: on the picture, or beside it on a banner.

Copy stands on the picture (`text_block`) or beside it (`banner`); this module maps briefs and
channels to those two and must not know how type is drawn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from PIL import Image

from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.studio.imaging.boxes import Box
from nbp_dagster.studio.imaging.crop import Crop, Subject
from nbp_dagster.studio.imaging.figure_part import FigurePart, choose_part
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.imaging.resize import Pyramid, crop_figure, describe_subject
from nbp_dagster.studio.typography.banner import FADE, Plan, draw_banner, plan_banner
from nbp_dagster.studio.typography.blocks import Box as PixelBox
from nbp_dagster.studio.typography.blocks import Copy
from nbp_dagster.studio.typography.copy_fit import LocaleCopy, locale_copies
from nbp_dagster.studio.typography.copy_places import Taken
from nbp_dagster.studio.typography.legibility import TextBox
from nbp_dagster.studio.typography.simulated_watermark import draw_watermark
from nbp_dagster.studio.typography.text_block import (
    TextDoesNotFit,
    TypesetPicture,
    choose_words,
    typeset,
)

_LEAST_OF_WIDTH: Final = 0.75  # of a picture, which a figure's part shows where heads are unknown


def find_taken(
    crop: Crop, source: tuple[int, int], places: Places | None, words: tuple[Box, ...] = ()
) -> Taken:
    """Return where heads, subject and lettering of an original are in a frame, in its pixels."""

    def place(boxes: Iterable[Box]) -> tuple[PixelBox, ...]:
        found = (crop.locate(box, source) for box in boxes)
        return tuple(box for box in found if box is not None)

    picture = crop.place if crop.method == "inside" else None
    if places is None:
        return Taken(words=place(words), picture=picture)
    figure = place(() if places.subject is None else (places.subject,))
    return Taken(place(places.heads), figure[0] if figure else None, place(words), picture)


def name_boxes(taken: Taken) -> dict[str, PixelBox]:
    """Return heads and lettering of a frame by name."""
    named = {f"head {n}": box for n, box in enumerate(taken.heads, start=1)}
    return named | {f"lettering {n}": box for n, box in enumerate(taken.words, start=1)}


@dataclass
class CopySetter:
    """Sets the copy of one rendition; afterwards holds where it is and what was left out.

    `taken` has what is set, `avoided` also the heads and lettering that the watermark keeps off;
    `is_free` says whether the copy covers none of them.

    Args:
        context: The prompt's briefs.
        channel: What the rendition is for.
        copy: The copy.
        is_simulated: Whether it needs the watermark.
        logo: The brand's, RGBA; used on banners.
    """

    context: RenderContext
    channel: Channel
    copy: LocaleCopy
    is_simulated: bool
    logo: Image.Image | None = None
    left_out: tuple[str, ...] = field(default=(), init=False)
    text_boxes: tuple[TextBox, ...] = field(default=(), init=False)
    taken: Mapping[str, PixelBox] = field(default_factory=dict, init=False)
    avoided: Mapping[str, PixelBox] = field(default_factory=dict, init=False)
    is_free: bool = field(default=True, init=False)
    _is_clear: bool = field(default=True, init=False)

    @property
    def is_banner(self) -> bool:
        """Whether the rendition is composed: its shape is extreme, and there is copy beside it."""
        shaped = is_banner(self.channel.width, self.channel.height)
        return shaped and bool(self.copy.texts)

    @property
    def is_needed(self) -> bool:
        """Whether anything is set at all."""
        return bool(self.copy.texts) or self.is_banner

    def typeset(
        self,
        fitted: Image.Image,
        crop: Crop,
        source: tuple[int, int] = (1, 1),
        places: Places | None = None,
        words: tuple[Box, ...] = (),
    ) -> Image.Image:
        """Return the fitted picture with its copy.

        Args:
            fitted: The picture at its channel's size.
            crop: What of the original it shows.
            source: Width and height of the original in pixels.
            places: Heads and subject of the original, where they are known.
            words: Lettering on it, in shares of its width and height.
        """
        taken = find_taken(crop, source, places, words)
        done = typeset(
            fitted,
            texts=self.copy.texts,
            palette=self.context.brand.palette,
            safe_area=self.channel.safe_area,
            language=self.copy.locale,
            fonts=self.context.fonts.get(self.copy.locale),
            taken=taken,
            peers=self._peers,
        )
        return self._finish(done, taken)

    def is_better_beside(
        self, source: tuple[int, int], places: Places | None, words: tuple[Box, ...]
    ) -> bool:
        """Return whether the copy that was set would better stand beside the picture.

        Args:
            source: Width and height of the original in pixels.
            places: Its heads and subject; copy stays on the picture where they are not known, as
                nobody could say what a part of it must show.
            words: Lettering on it, in shares of its sides.
        """
        if self.is_free or places is None:
            return False
        try:
            plan, _ = self._plan(source, Subject(None, words, places.heads, places.subject))
        except TextDoesNotFit:
            return False
        # A picture in a frame of its own is small: better than a head under type, but only that.
        return plan.is_filled or not self._is_clear

    @cached_property
    def _peers(self) -> tuple[Copy, ...]:
        """The copy that the picture's other locales get on this channel."""
        others = [
            (each.locale, choose_words(each.texts))
            for each in locale_copies(self.context, self.channel)
            if each.locale != self.copy.locale
        ]
        return tuple(
            Copy(tuple(words.items()), locale, self.context.fonts.get(locale))
            for locale, words in others
            if words
        )

    def compose(
        self, original: Pyramid, words: tuple[Box, ...], places: Places | None = None
    ) -> tuple[Image.Image, Crop]:
        """Return a banner, and which part of the original it shows.

        Args:
            original: The picture.
            words: Lettering on it, in shares of its width and height.
            places: Its heads and subject, where they are known.
        """
        subject = describe_subject(original, words, places)
        plan, box = self._plan(original.size, subject)
        figure, crop = crop_figure(original, plan.figure, subject, join=plan.join, box=box)
        done = draw_banner(plan, figure, palette=self.context.brand.palette, logo=self.logo)
        logo = {} if plan.logo is None else {"logo": plan.logo}
        taken = find_taken(crop, original.size, places, words)
        return self._finish(done, taken, logo), crop

    def _plan(self, source: tuple[int, int], subject: Subject) -> tuple[Plan, Box | None]:
        """Share the frame out; and what of the picture it shows, where that is known."""
        plan = self._share_out(None)
        part = self._choose_part(source, plan, subject)
        if part is None:
            return self._show_more(plan, source), None
        if part.length != plan.length:
            plan = self._share_out(part.length)
        if part.length != plan.length:
            # The copy needs the room.
            part = self._choose_part(source, plan, subject)
        if part is None or part.length != plan.length:
            return plan.show_whole(source), (0.0, 0.0, float(source[0]), float(source[1]))
        return replace(plan, fade=part.fade), part.box

    def _show_more(self, plan: Plan, source: tuple[int, int]) -> Plan:
        """Return a plan whose figure loses little of a picture's width: heads may be anywhere."""
        if plan.is_wide:
            return plan
        longest = round(plan.size[0] * source[1] / source[0] / _LEAST_OF_WIDTH)
        return plan if plan.length <= longest else self._share_out(longest)

    def _share_out(self, length: int | None) -> Plan:
        return plan_banner(
            self.copy.texts,
            size=(self.channel.width, self.channel.height),
            safe_area=self.channel.safe_area,
            language=self.copy.locale,
            fonts=self.context.fonts.get(self.copy.locale),
            logo=None if self.logo is None else self.logo.size,
            length=length,
            peers=self._peers,
        )

    def _choose_part(
        self, source: tuple[int, int], plan: Plan, subject: Subject
    ) -> FigurePart | None:
        return choose_part(
            source,
            size=plan.size,
            length=plan.length,
            fade=FADE,
            subject=subject,
            fades_at_end=plan.fades_at_end,
        )

    def _finish(
        self, done: TypesetPicture, taken: Taken, logo: Mapping[str, PixelBox] | None = None
    ) -> Image.Image:
        self.left_out, self.is_free, self._is_clear = done.left_out, done.is_free, done.is_clear
        self.text_boxes = tuple(
            TextBox(name, box, done.sizes[name]) for name, box in done.boxes.items()
        )
        self.taken = {**(logo or {}), **done.boxes}
        self.avoided = {**self.taken, **name_boxes(taken)}
        if self.is_simulated:
            return draw_watermark(done.image, self.avoided, low=self.is_banner)
        return done.image
