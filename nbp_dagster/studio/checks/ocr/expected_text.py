"""The expected text of an original: words it must, may and must not show; reads no picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbp_dagster.briefs.brand_terms import find_term
from nbp_dagster.briefs.brief import wording_of
from nbp_dagster.briefs.locales.binding import find_binding
from nbp_dagster.briefs.models import Brand, Campaign, Shot
from nbp_dagster.prompts.expansion import Prompt, locales_of

# A simulator's watermark on originals, also that of one at the other end of OXEN_BASE_URL.
_SIMULATOR_WATERMARK = "SIMULATED"


@dataclass(frozen=True)
class ExpectedText:
    """The words expected on one original.

    Attributes:
        required: Copy the model was asked to draw, by field; empty where it draws none.
        allowed: Texts whose words may be there too: names, and what products are.
        prohibited: The brand's terms by locale, for each locale the original serves.
    """

    required: Mapping[str, str]
    allowed: tuple[str, ...]
    prohibited: Mapping[str, tuple[str, ...]]


def expected_text_of(
    brand: Brand, campaign: Campaign, shot: Shot, prompt: Prompt, drawn_locale: str | None
) -> ExpectedText:
    """Return the text expected on a prompt's original.

    Args:
        drawn_locale: The locale whose words the model was to draw; None for none.
    """
    required = {} if drawn_locale is None else wording_of(brand, shot, drawn_locale)
    # Copy that we set ourselves has no place on the original, and neither has another locale's.
    allowed = [brand.name, _SIMULATOR_WATERMARK]
    for name in shot.products:
        product = brand.products[name]
        allowed += [product.name, product.description]
    return ExpectedText(
        required={str(field): text for field, text in required.items()},
        allowed=tuple(allowed),
        prohibited={
            locale: terms_of(brand, locale) for locale in sorted(locales_of(prompt, campaign))
        },
    )


def terms_of(brand: Brand, locale: str) -> tuple[str, ...]:
    """Return the brand's prohibited terms for a locale, those of its language first."""
    listed = brand.prohibited_terms
    return tuple(term for key in find_binding(listed, locale) for term in listed[key])


def find_prohibited(text: str, expected: ExpectedText) -> Iterator[str]:
    """Yield the first prohibited term of each locale that occurs in a text."""
    for locale, terms in expected.prohibited.items():
        term = find_term(text, terms, locale)
        if term is not None:
            yield term
