"""Prints how well logos and twins are found on posters painted from the sample briefs, and at what
cost; `make eval-originals`."""

import io
import itertools
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.models import Campaign
from nbp_dagster.prompts.expansion import Prompt, expand_campaign, sheet_keys
from nbp_dagster.prompts.request import (
    PAGE_CAPABILITIES,
    ImageRequest,
    Reference,
    Sheet,
    compile_request,
    reference_sources,
)
from nbp_dagster.simulator.painting.painter import paint
from nbp_dagster.simulator.painting.sizes import pixel_size
from nbp_dagster.studio.checks.duplicates import LEAST_LIKENESS
from nbp_dagster.studio.checks.logo import LogoTemplate, match_logo, prepare_logo
from nbp_dagster.studio.checks.original_checks import (
    LEAST_LIKE_LOGO,
    ORIGINAL_CHECKS,
    OriginalInput,
)
from nbp_dagster.studio.imaging.resize import build_pyramid
from nbp_dagster.studio.provenance.descriptors import describe_picture, find_earlier

CONFIG = Path(__file__).parents[2] / "assets_config"
IMAGES = CONFIG / "brands" / "images"
REFERENCES = 6  # so that no shot goes without its logo
VARIANTS = 3
# What stands for the bytes of a reference; cards and generated sheets are left out.
FILES = {"identity": "pip_front.png", "face": "pip_face.png"}
PRODUCTS = {"pennyway": "pennyway_loop_box.png", "solstice": "solstice_house_blend.png"}


@cache
def emblem_of(brand: str) -> LogoTemplate:
    """The logo of a brand, ready to be looked for."""
    found = prepare_logo(Image.open(IMAGES / f"{brand}_logo.png"))
    assert found is not None
    return found


def requests(briefs: Briefs, campaign: Campaign) -> Iterator[tuple[Prompt, ImageRequest]]:
    """Every prompt of a campaign in one locale, compiled as for the service."""
    one = replace(briefs, campaigns={**briefs.campaigns, campaign.id: campaign})
    sheets = {key: Sheet(key, ("a" * 64,), ("sheet",), "generated") for key in sheet_keys(briefs)}
    digests = dict.fromkeys(reference_sources(briefs, campaign.id), "b" * 64)
    seen: set[tuple[str, str, int]] = set()
    for prompt in expand_campaign(campaign, briefs.channels):
        place = (prompt.shot, prompt.ratio, prompt.variant)
        if place in seen:
            continue
        seen.add(place)
        request = compile_request(
            one,
            prompt,
            provider="simulator",
            capabilities=PAGE_CAPABILITIES,
            sheets=sheets,
            digests=digests,
        )
        yield prompt, request


def bytes_of(reference: Reference, brand: str) -> bytes:
    """What is sent in a reference's place."""
    if reference.role == "logo":
        return (IMAGES / f"{brand}_logo.png").read_bytes()
    if reference.role == "product":
        return (IMAGES / PRODUCTS[brand]).read_bytes()
    return (IMAGES / FILES[reference.role]).read_bytes() if reference.role in FILES else b""


def draw(request: ImageRequest, brand: str, *, shrink: int = 1, fault: str = "") -> Image.Image:
    """The poster of a request, at 1K or a part of it."""
    width, height = pixel_size(str(request.parameters["aspect_ratio"]), "1K")
    return paint(
        request.prompt,
        [bytes_of(reference, brand) for reference in request.references],
        width=width // shrink,
        height=height // shrink,
        faults=frozenset([fault] if fault else []),
    )


def print_logos(briefs: Briefs) -> None:
    """Likenesses of the logo where it is and is not, and of the other brand's."""
    found: dict[str, list[float]] = {"there": [], "not there": [], "the other brand's": []}
    for campaign in briefs.campaigns.values():
        others = [brand for brand in PRODUCTS if brand != campaign.brand]
        roomy = campaign.model_copy(update={"max_references": REFERENCES, "variants": 1})
        for _, request in requests(briefs, roomy):
            if all(reference.role != "logo" for reference in request.references):
                continue
            with_logo = build_pyramid(draw(request, campaign.brand)).levels[0]
            without = build_pyramid(draw(request, campaign.brand, fault="missing-logo")).levels[0]
            own = emblem_of(campaign.brand)
            found["there"].append(match_logo(with_logo, own)[0])
            found["not there"].append(match_logo(without, own)[0])
            found["the other brand's"].append(match_logo(with_logo, emblem_of(others[0]))[0])
    for name, scores in found.items():
        yes = sum(score >= LEAST_LIKE_LOGO for score in scores)
        print(
            f"logo {name}: {min(scores):.2f} to {max(scores):.2f}, "
            f"found in {yes} of {len(scores)} at {LEAST_LIKE_LOGO}"
        )


def print_twins(briefs: Briefs) -> None:
    """Likenesses of other shots and variants, and of the same picture written anew."""
    apart: list[float] = []
    same: list[float] = []
    for campaign in briefs.campaigns.values():
        many = campaign.model_copy(update={"max_references": REFERENCES, "variants": VARIANTS})
        drawn = [
            (prompt, draw(request, campaign.brand, shrink=4))
            for prompt, request in requests(briefs, many)
        ]
        apart += _compare(drawn)
        same += [_like(picture, _again(picture)) for _, picture in drawn]
    print(f"twins: {len(apart)} other pairs up to {max(apart):.3f}; {len(same)} copies from "
          f"{min(same):.3f}; the limit is {LEAST_LIKENESS}")  # fmt: skip


def _compare(drawn: Iterable[tuple[Prompt, Image.Image]]) -> Iterator[float]:
    for (one, first), (other, second) in itertools.combinations(drawn, 2):
        if one.ratio == other.ratio:
            yield _like(first, second)


def _again(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    small = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))
    ImageEnhance.Brightness(small).enhance(0.95).save(stream, "JPEG", quality=60)
    return Image.open(stream).convert("RGB")


def _like(one: Image.Image, other: Image.Image) -> float:
    cells = np.stack([np.frombuffer(describe_picture(each), np.uint8) for each in (one, other)])
    found = list(find_earlier(cells, -math.inf, lambda later, earlier: True))
    # None: two pictures by their faint detail, however alike the strong one is.
    return found[0][2] if found else 0.0


def print_cost(briefs: Briefs) -> None:
    """Processor time of each check of an original, and of comparing a thousand of them."""
    campaign = briefs.campaigns["spring_launch"]
    roomy = campaign.model_copy(update={"max_references": REFERENCES})
    _, request = next(requests(briefs, roomy))
    palette: Mapping[str, str] = briefs.brands[campaign.brand].palette
    subject = OriginalInput(
        prompt_key="one",
        pyramid=build_pyramid(draw(request, campaign.brand)),
        file_type="png",
        labelled="png",
        ratio="4:5",
        resolution="1K",
        palette=palette,
        logo=lambda: emblem_of(campaign.brand),
    )
    for check in ORIGINAL_CHECKS:
        check.run(subject)
        started = time.process_time()
        for _ in range(50):
            # Anew, so that nothing measured before is at hand.
            check.run(replace(subject))
        print(f"{check.name}: {(time.process_time() - started) * 20:.2f} ms")
    cells = np.random.default_rng(1).integers(0, 256, (1000, 1152)).astype(np.uint8)
    started = time.process_time()
    list(find_earlier(cells, LEAST_LIKENESS, lambda later, earlier: True))
    print(f"a thousand originals with each other: {time.process_time() - started:.2f} s")


if __name__ == "__main__":
    sample = load_briefs(CONFIG)
    print_logos(sample)
    print_twins(sample)
    print_cost(sample)
