"""Changes the sample briefs at random; where `nbp validate` passes, every file can be written."""

import copy
import random
import re
import shutil
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from PIL import Image

from nbp_dagster.assets.partitions import build_partition_sets
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.supplied_images import all_images
from nbp_dagster.cli.main import main
from nbp_dagster.prompts.expansion import Prompt, expand, sheet_keys
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import (
    Capabilities,
    ImageRequest,
    Sheet,
    compile_request,
    compile_sheet_request,
)
from nbp_dagster.simulator.catalogue import LIVE_RATIOS, MAX_REFERENCES
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.orders import KeptImage, Receipt, Reused
from nbp_dagster.studio.manifest.manifest import picture_file
from nbp_dagster.studio.manifest.records import PromptRecords
from nbp_dagster.studio.provenance.picture_index import PictureIndex
from nbp_dagster.studio.renditions.renderer import Renderer
from nbp_dagster.studio.storage.documents import DocumentFolder
from nbp_dagster.studio.storage.files import write_atomically
from nbp_dagster.studio.storage.image_store import FolderStore
from nbp_dagster.studio.typography.copy_fit import locale_copies

SAMPLES = Path(__file__).parents[2] / "assets_config"
# Of the briefs that pass, one in so many has pictures rendered, of so many prompts.
RENDERED_SHARE = 8
RENDERED_PROMPTS = 2
MOST_LINES = 60
MOST_LETTERS = 1_000

_NAME_OF_EXCEPTION = re.compile(r"\b[A-Z][A-Za-z]*(?:Error|Exception)\b|Traceback")
_LETTERS = (
    "\x00\x07\x1b\t\n\r :#-?&*!|>'\"%@`{}[],/\\~$aZ0\x7f\x85\xa0"
    "\u00e9\u00df\u200f\u202e\u2028\ufeff\u65e5\U0001f98a"
)
_TEXTS = (
    *("", " ", ".", "..", "~", "null", "yes", "0x10", "1e3", ".nan", "-.inf", "12:30"),
    *("../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "CON", "con.txt", "-rf", "~root"),
    *("a.", ".a", "a\x00b", "a\nb", "a\tb", "a\x1b[31mb", "a\u202eb", "a\u2028b", "a\u200db"),
    *("\ud800", "\ufeffa", "a" * 100, "a" * 101, "a" * 255, "a" * 5000, "\u00e9" * 100),
    *("\U0001f98a" * 60, "word " * 500, "\u0301" * 50, "I\u0307", "\ufb01", "\u65e5\u672c\u8a9e"),
    *("{{ 7 * 7 }}", "{% raw %}", "%s%n", "<script>alert(1)</script>", "[x](y)", "${HOME}"),
    *("#fff", "#1B3A4B", "#GGGGGG", "1:1", "0:1", "999:1", "1:", "16x9", "2026-02-30"),
    *("en_US", "en-us", "zz", "de", "ja", "ar", "th", "drawn", "composited", "none", "print_a4"),
    *("http://example.test/a.png", "s3://b/c", "file:///etc/passwd", "instagram_story"),
    *("spring_launch", "solstice", "mira", "display_728x90"),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 64, 10**6, 10**30, -0.0, 0.5, 1e308, 1e-320),
    *(float("nan"), float("inf"), [], {}, [[]], [None], {"": ""}, {"a": {}}, [1, 2], {"en": "x"}),
)


def try_briefs(count: int, *, seed: int) -> Iterator[str]:
    """Yield what went wrong with changed briefs besides their being refused in clear words."""
    dice = random.Random(f"briefs {seed}")
    with tempfile.TemporaryDirectory() as name:
        trial = _Trial(Path(name), dice)
        for number in range(count):
            problem = trial.run()
            if problem is not None:
                yield f"brief {number}: {problem}"


class _Trial:
    """The sample folder, one file of which is changed at a time."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self._folder = folder / "briefs"
        self._home = folder / "home"
        self._dice = dice
        shutil.copytree(SAMPLES, self._folder)
        self._sound = {
            path: _without_comments(path.read_text("utf-8"))
            for path in sorted(self._folder.rglob("*.yaml"))
        }
        self._engine = open_ledger(folder / "ledger.sqlite")
        self.passed = 0

    def run(self) -> str | None:
        """Change one file, try it, and put it back."""
        path = self._dice.choice(list(self._sound))
        sound = self._sound[path]
        changed = (change_text if self._dice.random() < 0.4 else change_values)(sound, self._dice)
        path.write_bytes(changed.encode("utf-8", "surrogatepass"))
        try:
            problem = self._problem()
        except Exception as error:  # noqa: BLE001  # any is what is looked for
            problem = f"{error!r}"[:400]
        finally:
            path.write_text(sound, "utf-8")
        return (
            None if problem is None else f"{problem}\n--- {path.name}\n{_changes(sound, changed)}"
        )

    def _problem(self) -> str | None:
        environment = {"NBP_CONFIG": str(self._folder), "NBP_HOME": str(self._home)}
        done = CliRunner().invoke(main, ["validate"], env=environment)
        if done.exit_code:
            return judge_refusal(done.stderr, done.exception)
        if done.exception is not None:
            return f"validate raises {done.exception!r}"
        self.passed += 1
        briefs = load_briefs(self._folder)
        build_partition_sets(briefs)
        prompts = expand(briefs)
        for prompt in prompts:
            self._write_files(briefs, prompt)
            _compile(briefs, prompt)
        for key in sheet_keys(briefs):
            write_atomically(self._home / "sheets" / f"{key}.html", b"x")
            brand, _, character = key.partition("/")
            if not briefs.brands[brand].characters[character].references:
                compile_sheet_request(briefs, key, provider="oxen", capabilities=_ANY_MODEL)
        if prompts and self.passed % RENDERED_SHARE == 1:
            for prompt in self._dice.sample(prompts, min(len(prompts), RENDERED_PROMPTS)):
                self._render(briefs, prompt)
        shutil.rmtree(self._home, ignore_errors=True)
        return None

    def _write_files(self, briefs: Briefs, prompt: Prompt) -> None:
        context = render_context_of(briefs, prompt)
        write_atomically(self._home / "records" / f"{prompt.key}.json", b"x")
        for channel in context.channels:
            for each in locale_copies(context, channel):
                name = picture_file(
                    channel=channel.id,
                    shot=prompt.shot,
                    locale=each.locale,
                    ratio=prompt.ratio,
                    variant=prompt.variant,
                    file_type=channel.file_type,
                )
                write_atomically(self._home / "sets" / prompt.campaign / name, b"x")

    def _render(self, briefs: Briefs, prompt: Prompt) -> None:
        request = _compile(briefs, prompt)
        width, height = map(int, prompt.ratio.split(":"))
        scale = 900 // max(width, height)
        blank = Image.new("RGB", (width * scale, height * scale), "#8899AA")
        kept = KeptImage("a" * 64, blank.width, blank.height, "png", 1)
        receipt = Receipt(
            request.fingerprint, prompt.key, "g1", Decimal(1), 1, None, None, None, 0.0, 1.0
        )
        made = Reused(prompt.key, kept, receipt)
        store = FolderStore(self._home / "store")
        records = PromptRecords(DocumentFolder(self._home / "records"))
        shutil.rmtree(self._home / "records", ignore_errors=True)
        index = PictureIndex(self._engine)
        renderer = Renderer(
            store=store, read_original=lambda made: b"", records=records, picture_index=index
        )
        record = renderer.render(render_context_of(briefs, prompt), request, made, blank)
        assert record.pictures, "nothing was rendered"
        assert records.read(prompt.key) is not None, "the record can't be read"


def judge_refusal(said: str, exception: BaseException | None) -> str | None:
    """Return what is wrong with how a brief was refused; None where it is clear."""
    if not isinstance(exception, SystemExit):
        return f"validate raises {exception!r}"[:400]
    lines = said.splitlines()
    if not said.startswith("nbp: ") or len(lines) > MOST_LINES:
        return f"says {len(lines)} lines, {said[:300]!r}"
    for line in lines:
        if not line.isprintable() or len(line) > MOST_LETTERS or _NAME_OF_EXCEPTION.search(line):
            return f"says {line[:400]!r} ({len(line)} letters)"
    return None


_ANY_MODEL = Capabilities(aspect_ratios=LIVE_RATIOS, resolutions=("1K", "2K", "4K"), parameters={})


def _compile(briefs: Briefs, prompt: Prompt) -> ImageRequest:
    """Compile a prompt for a model that takes whatever parameters the brief gives."""
    campaign = briefs.campaigns[prompt.campaign]
    accepted = dict.fromkeys(campaign.parameters)
    capabilities = Capabilities(LIVE_RATIOS, _ANY_MODEL.resolutions, accepted)
    sheets = {
        key: Sheet(key, ("a1" * 32,), (f"sheet:{key}",), "generated") for key in sheet_keys(briefs)
    }
    request = compile_request(
        briefs,
        prompt,
        provider="oxen",
        capabilities=capabilities,
        sheets=sheets,
        digests={image.source: "b2" * 32 for image in all_images(briefs)},
    )
    request.prompt.encode("utf-8")
    assert len(request.references) <= MAX_REFERENCES
    return request


def change_text(text: str, dice: random.Random) -> str:
    """Change letters, lines or indents of a YAML file."""
    lines = text.splitlines(keepends=True)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(lines))
        line = lines[at] or "\n"
        spot = dice.randrange(len(line))
        kind = dice.randrange(7)
        if kind == 0:
            lines[at] = line[:spot] + dice.choice(_LETTERS) + line[spot:]
        elif kind == 1:
            lines[at] = line[:spot] + line[spot + 1 :]
        elif kind == 2:
            lines[at] = line[:spot] + dice.choice(_LETTERS) + line[spot + 1 :]
        elif kind == 3:
            lines[at] = ""
        elif kind == 4:
            lines.insert(at, line)
        elif kind == 5:
            lines[at] = " " * dice.randrange(5) + line.lstrip(" ")
        else:
            head, colon, _ = line.partition(":")
            lines[at] = f"{head}{colon} {dice.choice(_TEXTS)}\n"
    return "".join(lines)


def change_values(text: str, dice: random.Random) -> str:
    """Change one to three of a file's values, keys or lists, and write it as YAML again."""
    data = copy.deepcopy(yaml.safe_load(text))
    for _ in range(dice.randint(1, 3)):
        places = list(_places(data))
        if not places:
            break
        parent, key = dice.choice(places)
        value = dice.choice(_TEXTS) if dice.random() < 0.6 else copy.deepcopy(dice.choice(_VALUES))
        kind = dice.randrange(6)
        if kind <= 2:
            parent[key] = value
        elif kind == 3:
            del parent[key]
        elif isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        else:
            parent[value if isinstance(value, str) else str(value)] = parent.pop(key)
    return yaml.safe_dump(data, allow_unicode=dice.random() < 0.5, sort_keys=False)


def _without_comments(text: str) -> str:
    """Leave out the lines that are comments: to change them is to change nothing."""
    kept = [line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#")]
    return "".join(kept)


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a value, as its container and key."""
    keys = list(data) if isinstance(data, dict) else range(len(data))
    for key in keys:
        yield data, key
        if isinstance(data[key], dict | list):
            yield from _places(data[key])


def _changes(sound: str, changed: str) -> str:
    """Return the lines that are new, to make the case again by hand."""
    known = set(yaml.safe_dump(yaml.safe_load(sound), sort_keys=False).splitlines())
    known.update(sound.splitlines())
    new = [line for line in changed.splitlines() if line not in known]
    return "\n".join(f"  {line[:200]!r}" for line in new[:12])
