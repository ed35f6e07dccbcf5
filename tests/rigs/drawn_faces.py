"""Draws faces of a few ovals, soft enough that the face network takes them for faces."""

from PIL import Image, ImageDraw, ImageFilter


def draw_face(
    side: int = 300,
    *,
    skin: str = "#E2AE84",
    hair: str = "#3B2416",
    jaw: float = 1.0,
    eyes: float = 0.18,
    mouth: float = 0.36,
    nose: float = 0.16,
    ground: str = "#88A0C8",
) -> Image.Image:
    """Return a face from the front in the middle of a square.

    Args:
        side: Pixels of the square; the face is 0.6 of it.
        skin: "#RRGGBB".
        hair: "#RRGGBB".
        jaw: Width of the face, 1 for the usual one.
        eyes: How far apart they are.
        mouth: Its width.
        nose: Its length.
        ground: "#RRGGBB".
    """
    whole = side * 2
    image = Image.new("RGB", (whole, whole), ground)
    pen = ImageDraw.Draw(image)

    def oval(x: float, y: float, across: float, high: float, fill: str | tuple[int, ...]) -> None:
        ends = (x - across, y - high, x + across, y + high)
        pen.ellipse([whole * (0.5 + end) for end in ends], fill=fill)

    pixel = Image.new("RGB", (1, 1), skin).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    shade = tuple(int(value * 0.72) for value in pixel)
    oval(0, -0.06, 0.31, 0.38, hair)
    pen.rectangle([whole * 0.4, whole * 0.8, whole * 0.6, whole], fill=shade)
    oval(0, 0.02, 0.25 * jaw, 0.33, skin)
    oval(0, -0.27, 0.24, 0.1, hair)
    for place in (-0.6 * eyes, 0.6 * eyes):
        oval(place, -0.05, 0.055, 0.03, "#F8F4F0")
        oval(place, -0.05, 0.026, 0.028, "#30221A")
        oval(place, -0.115, 0.07, 0.013, hair)
    oval(0, 0.06, 0.04, nose / 2, shade)
    oval(0, 0.05, 0.03, nose * 0.45, skin)
    oval(0, 0.19, mouth / 4, 0.028, "#9C3B3B")
    soft = image.filter(ImageFilter.GaussianBlur(whole / 150))
    return soft.resize((side, side), Image.Resampling.LANCZOS)


ADA = draw_face(600)
BO = draw_face(600, skin="#7C4A2D", eyes=0.2, jaw=1.1, mouth=0.44)
"""Two people whom the network tells apart."""
