"""The prompts kept word for word in tests/goldens/prompts; run as a module it writes them anew."""

from collections.abc import Mapping
from pathlib import Path

from nbp_dagster.briefs.load import Briefs, load_briefs
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.request import (
    PAGE_CAPABILITIES,
    Sheet,
    compile_request,
    compile_sheet_request,
)

ROOT = Path(__file__).resolve().parents[2]
GOOD_BRIEFS = ROOT / "tests" / "data" / "briefs" / "good"
EDITED_BRIEFS = ROOT / "tests" / "data" / "briefs" / "edited"
GOLDENS = ROOT / "tests" / "goldens" / "prompts"
UPDATE_COMMAND = "python -m tests.rigs.prompt_goldens"

# One of each kind: drawn text, its other locale re-framed as a variant, composited with a cast of
# two, a still life without text, a brand with next to nothing.
PROMPT_KEYS = (
    "spring_launch/kitchen/en/4x5/v1",
    "spring_launch/kitchen/de/9x16/v2",
    "spring_launch/window/all/16x9/v2",
    "spring_launch/still_life/all/9x16/v1",
    "tidal_always/wave/all/16x9/v1",
)
# Its first locale's picture with other words, and a picture changed by an instruction.
EDIT_KEYS = ("terrace/stay/de/4x5/v1", "terrace/park_winter/all/4x5/v1")
SHEET_KEYS = ("solstice/mira",)

SHEETS: Mapping[str, Sheet] = {
    "solstice/mira": Sheet("solstice/mira", ("a1" * 32,), ("sheet:solstice/mira",), "generated"),
    "solstice/otto": Sheet(
        "solstice/otto",
        ("b1" * 32, "b2" * 32, "b3" * 32),
        (
            "brands/images/otto_front.png",
            "brands/images/otto_side.jpg",
            "brands/images/otto_face.webp",
        ),
        "adopted",
        ("identity", "identity", "face"),
    ),
}


def digests_of(briefs: Briefs) -> dict[str, str]:
    """Return the digest of every local reference."""
    return {source: file.sha256 for source, file in briefs.files.items()}


def render_goldens() -> dict[str, str]:
    """Return the text of every golden file by its name, as the code renders it now."""
    briefs = load_briefs(GOOD_BRIEFS)
    prompts = {prompt.key: prompt for prompt in expand(briefs)}
    texts = {}
    for key in PROMPT_KEYS:
        request = compile_request(
            briefs,
            prompts[key],
            provider="oxen",
            capabilities=PAGE_CAPABILITIES,
            sheets=SHEETS,
            digests=digests_of(briefs),
        )
        texts[f"{key.replace('/', '_')}.txt"] = f"{request.prompt}\n"
    edited = load_briefs(EDITED_BRIEFS)
    for prompt in expand(edited):
        if prompt.key in EDIT_KEYS:
            request = compile_request(
                edited,
                prompt,
                provider="oxen",
                capabilities=PAGE_CAPABILITIES,
                sheets=SHEETS,
                digests=digests_of(edited),
                originals={each.key: "c1" * 32 for each in expand(edited)},
            )
            texts[f"{prompt.key.replace('/', '_')}.txt"] = f"{request.prompt}\n"
    for key in SHEET_KEYS:
        request = compile_sheet_request(
            briefs, key, provider="oxen", capabilities=PAGE_CAPABILITIES
        )
        texts[f"sheet_{key.replace('/', '_')}.txt"] = f"{request.prompt}\n"
    return texts


if __name__ == "__main__":
    for name, text in render_goldens().items():
        (GOLDENS / name).write_text(text, encoding="utf-8")
