"""Prompts become requests: parameters, references, refusals, and the fingerprint."""

import dataclasses
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbp_dagster.briefs.load import Briefs, load_briefs
from nbp_dagster.prompts.expansion import Prompt, expand
from nbp_dagster.prompts.reference_selection import palette_reference
from nbp_dagster.prompts.request import (
    PAGE_CAPABILITIES,
    Capabilities,
    ImageRequest,
    Reference,
    RequestError,
    Sheet,
    compile_request,
    compile_sheet_request,
)
from tests.rigs.pro_requests import GOLDEN, list_requests

LIVE_CAPABILITIES = Capabilities(
    aspect_ratios=("auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9"),
    resolutions=("1K", "2K", "4K"),
    parameters={"google_search": (True, False)},
)

texts = st.text(max_size=20)
digests_ = st.text("0123456789abcdef", min_size=64, max_size=64)
values = st.one_of(
    texts, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
references_ = st.builds(
    Reference,
    role=st.sampled_from(("identity", "product", "logo")),
    subject=texts,
    source=texts,
    digest=digests_,
)
requests_ = st.builds(
    ImageRequest,
    key=texts,
    provider=st.sampled_from(("oxen", "simulator")),
    model=texts,
    prompt=texts,
    parameters=st.dictionaries(texts, values, max_size=4),
    references=st.lists(references_, max_size=4).map(tuple),
    variant=st.integers(1, 4),
    prompt_version=texts,
)


def find_prompt(briefs: Briefs, key: str) -> Prompt:
    return next(prompt for prompt in expand(briefs) if prompt.key == key)


def compile_one(
    briefs: Briefs,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
    *,
    key: str = "spring_launch/kitchen/en/4x5/v1",
    capabilities: Capabilities = PAGE_CAPABILITIES,
) -> ImageRequest:
    return compile_request(
        briefs,
        find_prompt(briefs, key),
        provider="oxen",
        capabilities=capabilities,
        sheets=sheets,
        digests=digests,
    )


def test_a_request_carries_what_the_brief_and_the_model_decide(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    request = compile_one(briefs, sheets, digests)

    assert request.key == "spring_launch/kitchen/en/4x5/v1"
    assert (request.provider, request.model) == ("oxen", "google-nano-banana-pro")
    assert request.parameters == {
        "aspect_ratio": "3:4",
        "resolution": "2K",
        "safety_tolerance": "6",
    }
    assert request.references == (
        Reference("identity", "mira", "sheet:solstice/mira", "a1" * 32),
        Reference(
            "product", "house_blend", "brands/images/bag.png", digests["brands/images/bag.png"]
        ),
        Reference("logo", "solstice", "brands/images/logo.png", digests["brands/images/logo.png"]),
        palette_reference(briefs.brands["solstice"]),
    )


def test_a_ratio_the_live_model_lists_is_asked_for_as_it_is(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    capabilities = replace(LIVE_CAPABILITIES, parameters={"safety_tolerance": None})
    request = compile_one(briefs, sheets, digests, capabilities=capabilities)
    assert request.parameters["aspect_ratio"] == "4:5"


def test_nothing_of_what_the_default_model_is_asked_for_any_channel_has_changed() -> None:
    """Another key or fingerprint would buy again what is paid."""
    assert list(list_requests()) == GOLDEN.read_text(encoding="utf-8").splitlines()


def compile_banner(briefs: Briefs, digests: Mapping[str, str], *listed: str) -> ImageRequest:
    """Compile the leaderboard of a still life with the model that draws panoramas."""
    campaign = briefs.campaigns["spring_launch"]
    update = {"model": "nano-banana-2-1", "channels": ("display_728x90",), "parameters": {}}
    changed = replace(briefs, campaigns={campaign.id: campaign.model_copy(update=update)})
    capabilities = Capabilities(("auto", *listed), ("1K", "2K", "4K"))
    return compile_one(
        changed, {}, digests, key="spring_launch/still_life/all/8x1/v1", capabilities=capabilities
    )


def test_a_banner_is_asked_in_the_panorama_its_model_draws(
    briefs: Briefs, digests: Mapping[str, str]
) -> None:
    request = compile_banner(briefs, digests, "1:1", "21:9", "8:1")

    assert (request.model, request.parameters["aspect_ratio"]) == ("nano-banana-2-1", "8:1")
    assert "re-framed" not in request.prompt


def test_a_panorama_that_is_no_longer_listed_is_an_error_before_spending(
    briefs: Briefs, digests: Mapping[str, str]
) -> None:
    with pytest.raises(RequestError, match="does not list the aspect ratio 8:1 now"):
        compile_banner(briefs, digests, "1:1", "21:9")


def test_a_parameter_the_live_model_no_longer_has_is_refused_before_spending(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    with pytest.raises(RequestError) as caught:
        compile_one(briefs, sheets, digests, capabilities=LIVE_CAPABILITIES)
    assert str(caught.value) == (
        'campaigns/spring_launch.yaml: parameters.safety_tolerance: "6" - google-nano-banana-pro '
        "has no such parameter now; accepted: google_search"
    )


def test_a_value_the_model_does_not_list_is_refused(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    capabilities = replace(PAGE_CAPABILITIES, parameters={"safety_tolerance": ("1", "2")})
    with pytest.raises(RequestError) as caught:
        compile_one(briefs, sheets, digests, capabilities=capabilities)
    assert str(caught.value) == (
        'campaigns/spring_launch.yaml: parameters.safety_tolerance: "6" - accepted: "1", "2"'
    )


def test_a_resolution_the_model_does_not_list_is_refused(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    capabilities = replace(PAGE_CAPABILITIES, resolutions=("1K",))
    with pytest.raises(RequestError) as caught:
        compile_one(briefs, sheets, digests, capabilities=capabilities)
    assert str(caught.value) == (
        "campaigns/spring_launch.yaml: resolution 2K is not one of google-nano-banana-pro; "
        "accepted: 1K"
    )


def test_a_model_that_takes_fewer_images_gets_fewer(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    """What is dropped is told in words: the palette by its codes."""
    request = compile_one(
        briefs, sheets, digests, capabilities=replace(PAGE_CAPABILITIES, max_references=2)
    )
    assert [reference.role for reference in request.references] == ["identity", "product"]
    assert "the brand's palette: primary #0B3D2E and accent #F2B705." in request.prompt


def test_more_characters_than_the_model_takes_images_are_refused(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    with pytest.raises(RequestError) as caught:
        compile_one(
            briefs,
            sheets,
            digests,
            key="spring_launch/window/all/4x5/v1",
            capabilities=replace(PAGE_CAPABILITIES, max_references=1),
        )
    assert str(caught.value) == (
        "spring_launch/window/all/4x5/v1: its characters need 2 reference images; accepted: at "
        "most 1; give the shot fewer characters"
    )


def test_a_character_without_a_sheet_stops_the_request(
    briefs: Briefs, digests: Mapping[str, str]
) -> None:
    for sheets in ({}, {"solstice/mira": Sheet("solstice/mira", (), (), "generated")}):
        with pytest.raises(RequestError) as caught:
            compile_one(briefs, sheets, digests)
        assert str(caught.value) == (
            "spring_launch/kitchen/en/4x5/v1: solstice/mira has no character sheet yet; make it "
            "first"
        )


def test_a_reference_without_a_digest_stops_the_request(
    briefs: Briefs, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    known = {key: value for key, value in digests.items() if "bag" not in key}
    with pytest.raises(RequestError) as caught:
        compile_one(briefs, sheets, known)
    assert str(caught.value) == (
        "spring_launch/kitchen/en/4x5/v1: brands/images/bag.png has no digest yet; read or fetch "
        "it first"
    )


def test_compiling_reads_no_file(
    config_dir: Path, sheets: Mapping[str, Sheet], digests: Mapping[str, str]
) -> None:
    briefs = load_briefs(config_dir)
    before = compile_one(briefs, sheets, digests)
    for path in sorted(config_dir.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    assert compile_one(briefs, sheets, digests) == before


def test_a_sheet_is_asked_for_without_references(briefs: Briefs) -> None:
    request = compile_sheet_request(
        briefs, "solstice/mira", provider="simulator", capabilities=PAGE_CAPABILITIES
    )
    assert (request.key, request.references, request.variant) == ("solstice/mira", (), 1)
    assert request.parameters == {"aspect_ratio": "3:2", "resolution": "2K"}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "solstice/otto",
            "brands/solstice.yaml: characters.otto.references: the brief supplies 3; adopt them as "
            "the sheet instead of generating one",
        ),
        (
            "solstice/mirra",
            "'solstice/mirra' is not a character of any brand; accepted: solstice/mira, "
            "solstice/otto; did you mean solstice/mira?",
        ),
        (
            "nobody",
            "'nobody' is not a character of any brand; accepted: solstice/mira, solstice/otto",
        ),
    ],
)
def test_a_sheet_nobody_needs_is_refused(briefs: Briefs, key: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        compile_sheet_request(briefs, key, provider="oxen", capabilities=PAGE_CAPABILITIES)
    assert str(caught.value) == message


def test_a_fingerprint_is_stable_across_releases() -> None:
    """A change here makes every picture already paid for look new."""
    request = ImageRequest(
        key="k",
        provider="oxen",
        model="m",
        prompt="Grüße",
        parameters={"resolution": "2K", "aspect_ratio": "1:1", "google_search": True},
        references=(Reference("logo", "b", "x.png", "ab" * 32),),
        variant=1,
        prompt_version="1",
    )
    assert request.fingerprint == (
        "ceffbb89fd30e57949ca86fc089221970f1a4a39cb8a794eadc9d58ff910f9f8"
    )


@given(requests_, st.randoms(use_true_random=False))
def test_the_order_of_parameters_does_not_matter(request: ImageRequest, random: Any) -> None:
    items = list(request.parameters.items())
    random.shuffle(items)
    assert replace(request, parameters=dict(items)).fingerprint == request.fingerprint


@given(requests_, texts, texts)
def test_key_role_subject_and_source_do_not_decide(
    request: ImageRequest, key: str, source: str
) -> None:
    moved = tuple(replace(one, subject=source, source=source) for one in request.references)
    assert replace(request, key=key, references=moved).fingerprint == request.fingerprint


@given(requests_)
def test_each_deciding_field_changes_the_fingerprint(request: ImageRequest) -> None:
    other = Reference("logo", "b", "x.png", "0" * 63 + "g")
    changed = [
        replace(request, provider="oxen" if request.provider == "simulator" else "simulator"),
        replace(request, model=request.model + "x"),
        replace(request, prompt=request.prompt + "x"),
        replace(request, parameters={**request.parameters, "a name of 21 letters!": 1}),
        replace(request, references=(*request.references, other)),
        replace(request, variant=request.variant + 1),
        replace(request, prompt_version=request.prompt_version + "x"),
    ]
    # What it is for; what is drawn stands in the prompt.
    told = {"key", "drawn_locale", "edit", "region"}
    deciding = {field.name for field in dataclasses.fields(ImageRequest)} - told
    told_alone = replace(request, key="k", drawn_locale="de", edit="words", region=(0, 0, 1, 1))
    assert told_alone.fingerprint == request.fingerprint
    assert len(changed) == len(deciding)
    fingerprints = {one.fingerprint for one in changed}
    assert len(fingerprints) == len(changed)
    assert request.fingerprint not in fingerprints


@given(requests_)
def test_the_order_of_references_decides(request: ImageRequest) -> None:
    digests = [one.digest for one in request.references]
    turned = replace(request, references=request.references[::-1])
    assert (turned.fingerprint == request.fingerprint) == (digests == digests[::-1])


@given(requests_)
def test_equal_texts_in_another_unicode_form_are_the_same(request: ImageRequest) -> None:
    other = replace(
        request,
        prompt=unicodedata.normalize("NFD", request.prompt),
        model=unicodedata.normalize("NFC", request.model),
    )
    assert other.fingerprint == request.fingerprint


def test_numbers_and_texts_are_told_apart_but_equal_numbers_are_not() -> None:
    def fingerprint(value: str | bool | int | float) -> str:
        return ImageRequest("k", "oxen", "m", "p", {"a": value}, (), 1, "1").fingerprint

    assert fingerprint(1.0) == fingerprint(1)
    assert fingerprint(-0.0) == fingerprint(0)
    assert len({fingerprint(1), fingerprint("1"), fingerprint(True), fingerprint(1.5)}) == 4
    with pytest.raises(ValueError):
        fingerprint(float("nan"))
    with pytest.raises(ValueError):
        fingerprint(float("inf"))
