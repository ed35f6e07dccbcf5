"""Four shots in five languages, the others edited from the first: briefs, pictures and checks."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.edits import find_base
from nbp_dagster.prompts.expansion import Prompt, expand
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import (
    PAGE_CAPABILITIES,
    ImageRequest,
    compile_request,
)
from nbp_dagster.simulator.painting.painter import encode_png, paint
from nbp_dagster.studio.checks.check_table import CheckResult
from nbp_dagster.studio.checks.edits.edit_checker import EditChecker
from nbp_dagster.studio.checks.ocr.expected_text import expected_text_of
from nbp_dagster.studio.checks.ocr.proofread import Proofreader
from nbp_dagster.studio.imaging.resize import build_pyramid
from tests.rigs.briefs import campaign, write_briefs

LOCALES = ("en", "de", "ar", "ja", "fr")
COPY: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "kitchen": {
        "headline": {
            "en": "Slow mornings win",
            "de": "Langsame Morgen gewinnen",
            "ar": "الصباح الهادئ يفوز",
            "ja": "静かな朝が勝つ",
            "fr": "Les matins lents gagnent",
        },
        "call_to_action": {
            "en": "Try it today",
            "de": "Jetzt probieren",
            "ar": "جرّبه اليوم",
            "ja": "今すぐ試す",
            "fr": "Goûtez maintenant",
        },
    },
    "garden": {
        "headline": {
            "en": "Grown in the shade",
            "de": "Im Schatten gewachsen",
            "ar": "نما في الظل",
            "ja": "日陰で育ちました",
            "fr": "Cultivé à l'ombre",
        }
    },
    "street": {
        "headline": {
            "en": "Warm hands, cold street",
            "de": "Warme Hände, kalte Straße",
            "ar": "أيد دافئة وشارع بارد",
            "ja": "寒い街で温かい手",
            "fr": "Mains chaudes, rue froide",
        },
        "sub": {
            "en": "The winter blend is back",
            "de": "Die Wintermischung ist zurück",
            "ar": "عاد مزيج الشتاء",
            "ja": "冬のブレンドが帰ってきた",
            "fr": "Le mélange d'hiver est de retour",
        },
    },
    "office": {
        "headline": {
            "en": "A break that counts",
            "de": "Eine Pause, die zählt",
            "ar": "استراحة لها معنى",
            "ja": "意味のある休憩",
            "fr": "Une pause qui compte",
        }
    },
}
"""The copy of each shot, by field and locale."""


def shots(**changes: Any) -> list[dict[str, Any]]:
    """The shots as they stand in a campaign."""
    return [
        {
            "id": name,
            "scene": f"a table with tea in the {name}",
            "characters": [],
            "text": "drawn",
            "localize": "edit",
            "copy": {field: dict(texts) for field, texts in fields.items()},
            **changes,
        }
        for name, fields in COPY.items()
    ]


def write_localized(folder: Path, **changes: Any) -> Path:
    """Write the briefs; returns their folder."""
    return write_briefs(folder, campaign(*shots(), locales=list(LOCALES), **changes))


@dataclass
class LocalizedSet:
    """Draws the set with the simulator's painter, and checks what it drew.

    Attributes:
        briefs: The briefs.
        proofreader: Reads the pictures.
        files: What was drawn, by the key of the prompt.
    """

    briefs: Briefs
    proofreader: Proofreader
    files: dict[str, bytes]

    @classmethod
    def open(cls, folder: Path) -> "LocalizedSet":
        """Write and load the briefs in a folder."""
        briefs = load_briefs(write_localized(folder))
        return cls(briefs, Proofreader("on", simulated=True), {})

    @property
    def edits(self) -> Iterator[tuple[Prompt, str]]:
        """The prompts that are edits, and the key of the prompt that each edits."""
        for prompt in expand(self.briefs):
            base = find_base(prompt, self.briefs.campaigns[prompt.campaign])
            if base is not None:
                yield prompt, base

    def compile(self, prompt: Prompt, base: str | None = None) -> ImageRequest:
        """Compile a prompt; of an edit, the picture that it begins with is drawn first."""
        originals = {}
        if base is not None:
            originals[base] = hashlib.sha256(self.draw_original(base)).hexdigest()
        return compile_request(
            self.briefs,
            prompt,
            provider="simulator",
            capabilities=PAGE_CAPABILITIES,
            sheets={},
            digests={},
            originals=originals,
        )

    def draw_original(self, key: str) -> bytes:
        """Draw the picture in the first locale, once."""
        if key not in self.files:
            prompt = next(each for each in expand(self.briefs) if each.key == key)
            request = self.compile(prompt)
            self.files[key] = encode_png(paint(request.prompt, (), width=1024, height=1024))
        return self.files[key]

    def draw_edit(self, prompt: Prompt, base: str, fault: str = "") -> Image.Image:
        """Draw a picture in another locale."""
        request = self.compile(prompt, base)
        faults = frozenset([fault] if fault else [])
        return paint(
            request.prompt, [self.draw_original(base)], width=1024, height=1024, faults=faults
        )

    def check(
        self, prompt: Prompt, base: str, picture: Image.Image, checker: EditChecker | None = None
    ) -> dict[str, CheckResult]:
        """Return what the checks of its words and of edits say of a picture, by their names."""
        context, request = render_context_of(self.briefs, prompt), self.compile(prompt, base)
        proof = self.proofreader.proofread(
            context.brand,
            expected_text_of(
                context.brand, context.campaign, context.shot, prompt, request.drawn_locale
            ),
            prompt_key=prompt.key,
            original=hashlib.sha256(picture.tobytes()).hexdigest(),
            picture=picture,
        )
        checker = checker or self.checker()
        results = checker.check(context, request, build_pyramid(picture), proof.reading)
        return {each.name: each for each in (*proof.results, *results)}

    def checker(self) -> EditChecker:
        """Return a checker that reads what was drawn."""
        return EditChecker(lambda source, digest: self._read(source), self.proofreader)

    def without_reading(self) -> "LocalizedSet":
        """Return the set with nobody to read it."""
        return replace(self, proofreader=Proofreader("off"))

    def _read(self, source: str) -> bytes:
        return self.draw_original(source.removeprefix("original:"))
