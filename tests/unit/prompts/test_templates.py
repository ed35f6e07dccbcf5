"""The text of prompts: word for word in the golden files, and what must hold of any of them."""

from collections.abc import Mapping

import pytest

from nbp_dagster.briefs.load import Briefs
from nbp_dagster.briefs.models import Brand
from nbp_dagster.prompts.expansion import Prompt, expand
from nbp_dagster.prompts.request import (
    PAGE_CAPABILITIES,
    ImageRequest,
    Sheet,
    compile_request,
    compile_sheet_request,
)
from nbp_dagster.prompts.templates import SHEET_PROMPT_VERSION, render_sheet_prompt
from tests.rigs.prompt_goldens import GOLDENS, UPDATE_COMMAND, render_goldens

RENDERED = render_goldens()


@pytest.mark.parametrize("name", sorted({*RENDERED, *(path.name for path in GOLDENS.iterdir())}))
def test_a_prompt_is_word_for_word_the_golden_one(name: str) -> None:
    golden = GOLDENS / name
    kept = golden.read_text(encoding="utf-8") if golden.exists() else ""
    assert RENDERED.get(name, "") == kept, (
        f"{name} differs. If the change is meant: raise PROMPT_VERSION, run `{UPDATE_COMMAND}`, "
        "delete files that are no longer rendered, and read the difference."
    )


@pytest.fixture
def compiled(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> list[tuple[Prompt, ImageRequest]]:
    """Every prompt of the good briefs with its request."""
    return [
        (
            prompt,
            compile_request(
                briefs,
                prompt,
                provider="oxen",
                capabilities=PAGE_CAPABILITIES,
                sheets=sheets,
                digests=digests,
            ),
        )
        for prompt in expand(briefs)
    ]


def test_no_two_prompts_are_the_same(compiled: list[tuple[Prompt, ImageRequest]]) -> None:
    assert len({request.prompt for _, request in compiled}) == len(compiled)


def test_fixed_traits_stand_word_for_word_in_every_prompt_of_a_character(
    briefs: Briefs, compiled: list[tuple[Prompt, ImageRequest]]
) -> None:
    characters = briefs.brands["solstice"].characters
    shots = {shot.id: shot for shot in briefs.campaigns["spring_launch"].shots}
    seen = 0
    for prompt, request in compiled:
        if prompt.campaign == "spring_launch":
            for name in shots[prompt.shot].characters:
                assert all(trait in request.prompt for trait in characters[name].traits)
                seen += 1
    assert seen == 12 + 2 * 6


def test_each_reference_is_labelled_by_its_place(
    compiled: list[tuple[Prompt, ImageRequest]],
) -> None:
    for _, request in compiled:
        labels = [line for line in request.prompt.splitlines() if line.startswith("Image ")]
        assert len(labels) == len(request.references)
        for place, (label, reference) in enumerate(
            zip(labels, request.references, strict=True), start=1
        ):
            assert label.startswith(f"Image {place}: {reference.role} ")


def test_the_voice_and_the_objective_stay_with_people(
    briefs: Briefs, compiled: list[tuple[Prompt, ImageRequest]]
) -> None:
    for prompt, request in compiled:
        campaign = briefs.campaigns[prompt.campaign]
        assert briefs.brands[campaign.brand].voice not in request.prompt
        assert campaign.objective not in request.prompt


def test_copy_is_quoted_exactly_once_and_only_in_its_own_locale(
    compiled: list[tuple[Prompt, ImageRequest]],
) -> None:
    headlines = {"en": '"Slow mornings win"', "de": '"Langsame Morgen gewinnen"'}
    for prompt, request in compiled:
        for locale, headline in headlines.items():
            meant = prompt.shot == "kitchen" and prompt.locale == locale
            assert request.prompt.count(headline) == (1 if meant else 0)


def test_a_picture_without_words_has_no_quotes_and_says_so(
    compiled: list[tuple[Prompt, ImageRequest]],
) -> None:
    for prompt, request in compiled:
        if prompt.locale == "all":
            assert '"' not in request.prompt
            assert "works entirely without lettering" in request.prompt


@pytest.mark.parametrize(
    ("key", "space"), [("4x5", "upper third"), ("16x9", "left third"), ("9x16", "upper third")]
)
def test_composited_copy_gets_its_calm_space(
    compiled: list[tuple[Prompt, ImageRequest]], key: str, space: str
) -> None:
    texts = [request.prompt for prompt, request in compiled if f"window/all/{key}" in prompt.key]
    assert len(texts) == 2
    assert all(f"The {space} of the frame is a calm" in text for text in texts)


def test_ratios_after_the_first_reframe_the_same_moment(
    compiled: list[tuple[Prompt, ImageRequest]],
) -> None:
    for prompt, request in compiled:
        later = prompt.campaign == "spring_launch" and prompt.ratio != "4:5"
        assert ("This is the same moment as in the 3:4 picture" in request.prompt) == later


def test_a_reframed_moment_is_drawn_from_the_references_and_never_from_a_sibling(
    compiled: list[tuple[Prompt, ImageRequest]],
) -> None:
    told = [request for _, request in compiled if "re-framed" in request.prompt]

    assert told
    for request in told:
        assert "It is drawn anew from" in request.prompt
        assert "the 3:4 picture is not among its images." in request.prompt
        roles = {reference.role for reference in request.references}
        assert roles <= {"identity", "face", "product", "logo", "palette", "style"}
        assert all("/v" not in reference.source for reference in request.references)


def test_several_characters_are_told_apart_by_the_images_that_show_them(
    compiled: list[tuple[Prompt, ImageRequest]],
) -> None:
    words = "Mira is shown by Image 1 alone and Otto is shown by Image 2 and Image 3 alone."
    for prompt, request in compiled:
        assert (words in request.prompt) == (prompt.shot == "window")


def test_the_palette_is_named_and_its_codes_left_to_the_card(
    compiled: list[tuple[Prompt, ImageRequest]],
) -> None:
    for _, request in compiled:
        assert "palette" in [reference.role for reference in request.references]
        assert "#" not in request.prompt


def test_new_words_for_pictures_do_not_buy_sheets_again(briefs: Briefs) -> None:
    """A sheet is paid for once; its template has a version of its own."""
    request = compile_sheet_request(
        briefs, "solstice/mira", provider="oxen", capabilities=PAGE_CAPABILITIES
    )
    assert request.prompt_version == SHEET_PROMPT_VERSION


def test_a_variant_varies_only_what_its_characters_leave_free(briefs: Briefs) -> None:
    """Otto's camera is not free, so a picture with him varies in framing instead."""
    golden = GOLDENS / "spring_launch_window_all_16x9_v2.txt"
    text = golden.read_text(encoding="utf-8")
    assert "Mira has a calmer expression and a more relaxed pose." in text
    assert "Otto has" not in text
    assert "the camera stands" not in text


def test_braces_and_percent_signs_in_a_brief_are_only_text(briefs: Briefs) -> None:
    brand = briefs.brands["solstice"]
    fields = brand.model_dump()
    fields["name"] = "{subject} %s {0} \\1"
    odd = Brand.model_validate(fields)
    mira = odd.characters["mira"]
    assert "a recurring character of {subject} %s {0} \\1." in render_sheet_prompt(odd, mira)


def test_the_sheet_is_a_turnaround_on_a_plain_ground_without_the_characters_freedoms(
    briefs: Briefs,
) -> None:
    request = compile_sheet_request(
        briefs, "solstice/mira", provider="oxen", capabilities=PAGE_CAPABILITIES
    )
    for words in ("from the front", "three-quarter view", "from the side", "close-up", "plain"):
        assert words in request.prompt
    assert "may vary" not in request.prompt
