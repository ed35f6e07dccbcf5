"""Sets a rendition's copy and the label that says it is made with AI, and makes room for the label.

Must not know laws: the label that is asked for is given.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from PIL import Image

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.disclosure.need import LabelSpec
from nbp_dagster.studio.imaging.boxes import Box
from nbp_dagster.studio.imaging.crop import Crop
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.imaging.resize import Pyramid
from nbp_dagster.studio.typography.blocks import Box as PixelBox
from nbp_dagster.studio.typography.copy_layer import CopySetter, find_taken, name_boxes
from nbp_dagster.studio.typography.copy_places import Taken
from nbp_dagster.studio.typography.disclosure_label import (
    Obstacles,
    PlacedLabel,
    draw_label,
    measure_label,
    place_label,
)
from nbp_dagster.studio.typography.simulated_watermark import draw_watermark, find_plate
from nbp_dagster.studio.typography.text_block import TextDoesNotFit


@dataclass
class LabelledSetter:
    """Sets the copy of one rendition and its label; afterwards holds where they are.

    Where the usual layout leaves no place free, the copy is set anew beside a strip for the label.
    That may cost the sub line, as law asks for the label, but no other field.

    Args:
        setter: Sets the copy; replaced by the one whose layout was used.
        spec: The label; None for none.
        source: Width and height of the original in pixels.
        places: Its heads and subject, where they are known.
        words: Boxes of lettering on it, in shares of its sides.
    """

    setter: CopySetter
    spec: LabelSpec | None
    source: tuple[int, int]
    places: Places | None = None
    words: tuple[Box, ...] = ()
    label: PlacedLabel | None = field(default=None, init=False)

    def typeset(self, fitted: Image.Image, crop: Crop) -> Image.Image | None:
        """Return the fitted picture with its copy and its label.

        None where the copy would better stand beside the picture.
        """

        def draw(setter: CopySetter) -> tuple[Image.Image, Crop]:
            return setter.typeset(fitted, crop, self.source, self.places, self.words), crop

        image = self._set(draw)[0]
        is_better = self.setter.is_better_beside(self.source, self.places, self.words)
        return None if is_better else image

    def compose(self, original: Pyramid) -> tuple[Image.Image, Crop]:
        """Return a banner with its label, and which part of the original it shows."""
        return self._set(lambda setter: setter.compose(original, self.words, self.places))

    def watermark(self, image: Image.Image, crop: Crop) -> Image.Image:
        """Return a frame without copy with the simulator's mark, off its heads and lettering."""
        taken = find_taken(crop, self.source, self.places, self.words)
        return draw_watermark(image, name_boxes(taken))

    def finish(self, image: Image.Image, crop: Crop) -> Image.Image:
        """Return a frame without copy of ours with its label."""
        if self.spec is None:
            return image
        self.label = self._place(image, crop, self.setter)
        return self._draw(image)

    def _set(
        self, draw: Callable[[CopySetter], tuple[Image.Image, Crop]]
    ) -> tuple[Image.Image, Crop]:
        usual = self.setter
        image, crop = draw(usual)
        if self.spec is None:
            return image, crop
        self.label = self._place(image, crop, usual)
        found: list[tuple[CopySetter, PlacedLabel, Image.Image, Crop]] = []
        for area in () if self.label.is_free else self._list_areas():
            setter = replace(usual, channel=usual.channel.model_copy(update={"safe_area": area}))
            try:
                other, shown = draw(setter)
            except TextDoesNotFit:
                continue
            label = self._place(other, shown, setter)
            if label.is_free:
                found.append((setter, label, other, shown))
            if label.is_free and set(setter.left_out) <= set(usual.left_out):
                break
        if found:
            fewest = min(found, key=lambda each: len(each[0].left_out))
            self.setter, self.label, image, crop = fewest
        return self._draw(image), crop

    def _list_areas(self) -> Iterator[SafeArea]:
        """Safe areas that leave a strip for the label at one edge."""
        assert self.spec is not None
        channel, area = self.setter.channel, self.setter.channel.safe_area
        frame = (channel.width, channel.height)
        fonts = self.setter.context.fonts.get(self.spec.language)
        wide, high = measure_label(self.spec, frame, safe_area=area, fonts=fonts)
        for edge, strip in {"bottom": high, "top": high, "left": wide, "right": wide}.items():
            across = edge in ("left", "right")
            taken = strip + (area.left + area.right if across else area.top + area.bottom)
            if taken < frame[0 if across else 1]:
                yield area.model_copy(update={edge: getattr(area, edge) + strip})

    def _place(self, image: Image.Image, crop: Crop, setter: CopySetter) -> PlacedLabel:
        assert self.spec is not None
        return place_label(
            image,
            self.spec,
            # As the channel has it, without a strip that is kept for the label itself.
            safe_area=self.setter.channel.safe_area,
            obstacles=self._list_obstacles(image.size, crop, setter),
            fonts=setter.context.fonts.get(self.spec.language),
        )

    def _draw(self, image: Image.Image) -> Image.Image:
        assert self.spec is not None
        assert self.label is not None
        fonts = self.setter.context.fonts.get(self.spec.language)
        return draw_label(image, self.label, fonts=fonts)

    def _list_obstacles(self, frame: tuple[int, int], crop: Crop, setter: CopySetter) -> Obstacles:
        named: dict[str, PixelBox] = dict(setter.taken)
        known = self.places
        found = Taken() if known is None else find_taken(crop, self.source, known)
        lettering = (crop.locate(box, self.source) for box in self.words)
        named |= {f"lettering {n}": box for n, box in enumerate(lettering, start=1) if box}
        if setter.is_simulated:
            named["the SIMULATED mark"] = find_plate(frame, setter.avoided, low=setter.is_banner)
        return Obstacles(named, found.heads, found.figure)
