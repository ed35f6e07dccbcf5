"""Figures are cut from plain background or by transparency, one view a figure."""

from PIL import Image, ImageDraw

from nbp_dagster.studio.checks.characters.figures import cut_figures


def draw_sheet(background: str = "#CBD2DA") -> Image.Image:
    """Two figures of 60 x 160 pixels and a line of lettering."""
    sheet = Image.new("RGB", (400, 260), background)
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((40, 20, 99, 179), fill="#7A2A1A")
    pen.rectangle((240, 20, 299, 179), fill="#1A2A7A")
    pen.rectangle((60, 220, 340, 240), fill="#202020")
    return sheet


def test_a_sheet_gives_its_figures_and_not_its_lettering() -> None:
    """Each at its own size, in its own colour."""
    figures = cut_figures(draw_sheet())
    assert len(figures) == 2
    assert all(figure.is_cut and abs(figure.image.width - 60) < 6 for figure in figures)
    colours = {figure.image.getpixel((30, 80)) for figure in figures}
    assert colours == {(122, 42, 26), (26, 42, 122)}


def test_what_is_transparent_is_not_the_figure() -> None:
    """Transparency wins over the colours below it."""
    image = Image.new("RGBA", (120, 120), (200, 30, 30, 0))
    image.paste((30, 140, 60, 255), (30, 20, 90, 110))
    [figure] = cut_figures(image)
    assert (figure.image.size, bool(figure.mask.all())) == ((60, 90), True)


def test_white_clothes_inside_the_outline_stay() -> None:
    """The background is flooded from the border, so a closed outline keeps its inside."""
    image = Image.new("RGB", (120, 120), "white")
    ImageDraw.Draw(image).ellipse((20, 20, 100, 100), fill="white", outline="black", width=4)
    [figure] = cut_figures(image)
    assert figure.mask[figure.mask.shape[0] // 2, figure.mask.shape[1] // 2]
    assert 0.7 < figure.mask.mean() < 0.85


def test_a_picture_without_plain_ground_is_one_view() -> None:
    """And says that nothing was cut."""
    ramp = Image.merge("RGB", [Image.linear_gradient("L"), Image.radial_gradient("L")] * 1 + [
        Image.linear_gradient("L").rotate(90)])  # fmt: skip
    [figure] = cut_figures(ramp)
    assert not figure.is_cut
    assert figure.mask.all()
