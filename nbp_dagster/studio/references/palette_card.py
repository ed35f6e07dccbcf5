"""The card of a brand's colours that is sent with a request; knows no brief and no service."""

import io
from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw

from nbp_dagster.prompts.reference_selection import CARD_COLUMNS

# Pixels. Wide fields in one look; a card of flat colours has a few kilobytes.
CARD_WIDTH, CARD_HEIGHT = 1024, 512


def draw_card(colours: Sequence[str]) -> bytes:
    """Draw a brand's colours as flat fields from edge to edge, without a word.

    Words would be an invitation to letter them into the picture, and a ground would be one colour
    more. Equal colours give equal pixels. Another look needs another `references.CARD_VERSION`.

    Args:
        colours: `#RRGGBB` in the brand's order; at least one.

    Returns:
        A PNG, RGB, 1024 x 512 pixels.
    """
    card = Image.new("RGB", (CARD_WIDTH, CARD_HEIGHT))
    pen = ImageDraw.Draw(card)
    rows = -(-len(colours) // CARD_COLUMNS)
    for row in range(rows):
        fields = colours[row * CARD_COLUMNS : (row + 1) * CARD_COLUMNS]
        top, low = CARD_HEIGHT * row // rows, CARD_HEIGHT * (row + 1) // rows
        for column, colour in enumerate(fields):
            left = CARD_WIDTH * column // len(fields)
            right = CARD_WIDTH * (column + 1) // len(fields)
            pen.rectangle((left, top, right - 1, low - 1), fill=ImageColor.getrgb(colour))
    stream = io.BytesIO()
    card.save(stream, "PNG")
    return stream.getvalue()
