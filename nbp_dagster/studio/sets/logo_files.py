"""Draws the logo files that platforms ask for beside pictures, from a brand's own logo.

They are a person's work, made ready: they get no mark of AI, and no words or icon on them.
"""

import io
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import Brand
from nbp_dagster.prompts.platform_logos import LogoRule, find_logo_rules
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.encode import srgb_profile
from nbp_dagster.studio.manifest.value_types import LogoFacts
from nbp_dagster.studio.typography.banner_logo import choose_plate, is_seen
from nbp_dagster.studio.typography.contrast import WHITE

TRANSPARENT: Final = "transparent"
"""The ground of a logo that is left as it is."""

# Shares of the side that are tried, the largest first: a smaller square is taken where none of
# the larger holds the platform's limit. The last has 128 pixels of 1200, Google's least.
_SHARES: Final = (1.0, 0.75, 0.5, 0.25, 128 / 1200)
_COLOURS: Final = (256, 128, 64)


class SuppliedLogo(Protocol):
    """A brand's logo as it is supplied."""

    @property
    def digest(self) -> str:
        """The sha256 of its bytes, hex."""
        ...

    @property
    def read(self) -> Callable[[], bytes]:
        """Gives its bytes."""
        ...


def make_logo_files(
    briefs: Briefs,
    campaign_id: str,
    find_logo: Callable[[Brand], SuppliedLogo | None],
    keep: Callable[[bytes], str],
) -> tuple[LogoFacts, ...]:
    """Draw the logo files that the platforms of a campaign's channels ask for.

    Args:
        briefs: The briefs.
        campaign_id: The campaign.
        find_logo: Gives a brand's logo; None where it has none.
        keep: Keeps a file's bytes and returns their sha256, hex.

    Returns:
        What each file is; none where the brand has no logo.

    Raises:
        UndecodableImage: The logo is not a picture.
    """
    campaign = briefs.campaigns[campaign_id]
    brand = briefs.brands[campaign.brand]
    rules = find_logo_rules(briefs, campaign)
    supplied = find_logo(brand) if rules else None
    if supplied is None:
        return ()
    logo = decode_image(supplied.read(), what=f"logo of {brand.id}").image.convert("RGBA")
    return tuple(_make(logo, rule, brand, supplied.digest, keep) for rule in rules)


def _make(
    logo: Image.Image, rule: LogoRule, brand: Brand, source: str, keep: Callable[[bytes], str]
) -> LogoFacts:
    scale, drawn = fit_logo(logo, rule)
    ground = choose_ground(logo, brand)
    if ground != TRANSPARENT:
        plain = Image.new("RGBA", drawn.size, ground)
        plain.alpha_composite(drawn)
        drawn = plain.convert("RGB")
    share, data = _encode(drawn, rule.max_bytes)
    side = round(rule.side * share)
    return LogoFacts(
        file=f"logos/{rule.name}.png",
        platform=rule.platform,
        width=side,
        height=side,
        bytes=len(data),
        sha256=keep(data),
        source_sha256=source,
        scale=round(scale * share, 3),
        ground=ground,
    )


def fit_logo(logo: Image.Image, rule: LogoRule) -> tuple[float, Image.Image]:
    """Fit a logo into a platform's square, with the margins it has of its own.

    One with a ground of its own takes the whole square. What is drawn on transparent ground stays
    within the share that every device shows.

    Returns:
        How many times its pixels are enlarged, and the square.
    """
    room = float(rule.side)
    scale = room / max(logo.size)
    alpha = logo.getchannel("A")
    box = alpha.getbbox()
    if box is not None and alpha.histogram()[255] < logo.width * logo.height:
        # The drawn part may lie to one side: what counts is how far it reaches from the middle.
        reach = max(
            *(abs(2 * edge - logo.width) for edge in (box[0], box[2])),
            *(abs(2 * edge - logo.height) for edge in (box[1], box[3])),
        )
        scale = min(scale, room * rule.shown / reach)
    size = (max(1, round(logo.width * scale)), max(1, round(logo.height * scale)))
    # Colours of what is transparent must not shine through at the edges.
    small = logo.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (rule.side, rule.side), _edge_colour(logo))
    square.paste(small, ((rule.side - size[0]) // 2, (rule.side - size[1]) // 2))
    return scale, square


def _edge_colour(logo: Image.Image) -> tuple[int, int, int, int]:
    """Return what surrounds a logo: the one colour of its edge, or else nothing."""
    rim = logo.copy()
    if min(logo.size) > 2:
        rim.paste((0, 0, 0, 0), (1, 1, logo.width - 1, logo.height - 1))
    colours = rim.getcolors(maxcolors=logo.width * logo.height) or []
    opaque = sorted((each for each in colours if each[1][3] == 255), reverse=True)  # type: ignore[index]
    around = 2 * (logo.width + logo.height) - 4
    if opaque and opaque[0][0] >= 0.9 * around:
        red, green, blue, _ = opaque[0][1]  # type: ignore[misc]
        return int(red), int(green), int(blue), 255
    return 0, 0, 0, 0


def choose_ground(logo: Image.Image, brand: Brand) -> str:
    """Return the ground of a brand's logo: none where it stands out from white, or else a colour.

    The platform shows a transparent logo on white: a white one would not be seen.

    Returns:
        `TRANSPARENT`, or "#RRGGBB".
    """
    plate = WHITE if is_seen(logo, WHITE) else choose_plate(logo, WHITE, brand.palette)
    if plate == WHITE:
        # It is seen there, or better on no other colour.
        return TRANSPARENT
    red, green, blue = plate
    return f"#{red:02X}{green:02X}{blue:02X}"


def _encode(square: Image.Image, max_bytes: int) -> tuple[float, bytes]:
    """Return the share of the side, and the PNG of the largest square that holds a limit."""
    tries = ((share, data) for share in _SHARES for data in _write(square, share))
    return next(found for found in tries if len(found[1]) <= max_bytes)


def _write(square: Image.Image, share: float) -> Iterator[bytes]:
    """Yield PNGs of a square at a share of its side: exact, then of fewer and fewer colours."""
    side = round(square.width * share)
    image = square
    if share < 1:
        kind = "RGBa" if square.mode == "RGBA" else "RGB"
        image = square.convert(kind).resize((side, side), Image.Resampling.LANCZOS)
        image = image.convert(square.mode)
    yield _save(image)
    for colours in _COLOURS:
        # The one method of Pillow's that knows transparency.
        yield _save(image.quantize(colours, method=Image.Quantize.FASTOCTREE))


def _save(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", icc_profile=srgb_profile(), compress_level=6)
    return out.getvalue()
