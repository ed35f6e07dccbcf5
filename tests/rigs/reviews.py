"""A review page over a drawn set in a folder, asked as a browser asks, without a socket."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvicorn
from starlette.testclient import TestClient

from nbp_dagster.review_app.access import AccessRules
from nbp_dagster.review_app.app import create_app
from nbp_dagster.review_app.context import ReviewContext
from nbp_dagster.review_app.guard import LOGINS_A_MINUTE, POSTS_A_MINUTE, RateLimit
from nbp_dagster.studio.asking.asker import AskingQuote, CannotAsk, Change
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecords
from nbp_dagster.studio.provenance.picture_index import PictureIndex
from nbp_dagster.studio.report.report_reader import create_report_reader
from nbp_dagster.studio.review.decision_log import DecisionLog
from nbp_dagster.studio.review.picture_files import PictureFiles
from nbp_dagster.studio.review.reviews import Reviews
from nbp_dagster.studio.sets.set_writer import write_set
from nbp_dagster.studio.storage.documents import DocumentFolder
from nbp_dagster.studio.storage.image_store import FolderStore
from tests.fakes.clock import FakeClock
from tests.rigs.sets import SampleSet, build_set

CAMPAIGN = "spring_launch"
HOST = "127.0.0.1:8901"
TOKEN = "a token of more than sixteen characters"


@dataclass(frozen=True)
class ReviewRig:
    """A review page, and what is behind it.

    Attributes:
        context: What the app works with.
        clock: The time of decisions and share links.
        sample: The set that is reviewed.
    """

    context: ReviewContext
    clock: FakeClock
    sample: SampleSet

    @property
    def reviews(self) -> Reviews:
        return self.context.reviews

    def browser(self, *, peer: str = "127.0.0.1", host: str = HOST) -> "Browser":
        """Return a browser with no cookie yet."""
        return Browser(
            TestClient(
                create_app(self.context),
                base_url=f"http://{host}",
                follow_redirects=False,
                client=(peer, 50_000),
            )
        )


@contextmanager
def serve_review(rig: ReviewRig) -> Iterator[str]:
    """Serve a review page to real browsers; yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(rig.context), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


class Browser:
    """A browser at the page: keeps its cookie, and finds the key of forms in the last page."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.form_key = ""

    def get(self, path: str, **options: Any) -> Any:
        """Load a page."""
        answer = self._client.get(path, **options)
        found = re.search(r'(?:data-key|name="form_key" value)="([^"]+)"', answer.text)
        if found:
            self.form_key = found.group(1)
        return answer

    def post(
        self, path: str, fields: dict[str, Any], *, json: bool = True, headers: Any = None
    ) -> Any:
        """Send a form with the key of the last page, unless the fields have one."""
        accept = {"Accept": "application/json"} if json else {}
        return self._client.post(
            path, data={"form_key": self.form_key, **fields}, headers={**accept, **(headers or {})}
        )

    def look(self, picture: Picture) -> dict[str, str]:
        """Load a picture; return the fields by which a form says what was seen."""
        page = self.get(f"/c/{CAMPAIGN}/picture", params={"file": picture.file}).text
        number = re.search(r'name="number" value="(\d+)"', page)
        assert number is not None, page[:300]
        return {"file": picture.file, "sha256": picture.sha256, "number": number.group(1)}

    def decide(self, picture: Picture, verdict: str = "approved", **fields: str) -> Any:
        """Look at a picture and decide about it."""
        return self.post(
            f"/c/{CAMPAIGN}/decide", {**self.look(picture), "verdict": verdict, **fields}
        )


@contextmanager
def open_review_rig(
    folder: Path,
    *,
    sample: SampleSet | None = None,
    database: str | None = None,
    posts_a_minute: int = POSTS_A_MINUTE,
    **access: Any,
) -> Iterator[ReviewRig]:
    """Write a set to a folder and open a review page over it.

    Args:
        folder: Of the sets, the store and the ledger.
        sample: The set; a small drawn one where None.
        database: Address of the ledger; a file in the folder where None.
        posts_a_minute: Posts that one address may send.
        access: Fields of the access rules to replace.
    """
    sample = sample or build_set(shots=("kitchen", "market"))
    write_sample(folder, sample)
    clock = FakeClock()
    engine = open_ledger(database or folder / "ledger.sqlite")
    rules = AccessRules(secret="a secret", now=clock.now, default_name="ada@desk")
    context = ReviewContext(
        reviews=Reviews(folder / "sets", DecisionLog(engine, clock=clock)),
        reports=create_report_reader(engine, folder / "config", clock),
        files=PictureFiles(
            sets=folder / "sets",
            store=FolderStore(folder / "store"),
            records=PromptRecords(DocumentFolder(folder / "records")),
            index=PictureIndex(engine),
        ),
        access=replace(rules, **access),
        logins=RateLimit(LOGINS_A_MINUTE, now=clock.now),
        posts=RateLimit(posts_a_minute, now=clock.now),
    )
    try:
        yield ReviewRig(context, clock, sample)
    finally:
        engine.dispose()


def write_sample(folder: Path, sample: SampleSet) -> None:
    """Write a set as `campaign_sets` does."""
    has_sheets = all(
        digest in sample.data for each in sample.manifest.characters for digest in each.sheets
    )
    write_set(
        folder / "sets" / sample.manifest.campaign.id,
        sample.manifest,
        rendition=sample.rendition,
        sheet=sample.sheet if has_sheets else None,
    )


@dataclass
class ScriptedAsker:
    """Quotes 0.15 USD, and records what is asked for."""

    asked: list[tuple[str, Change, Decimal]] = field(default_factory=list)
    fault: Exception | None = None

    def quote(self, prompt_key: str, change: Change) -> AskingQuote:
        if not change.note:
            raise CannotAsk("say what the other picture shall show")
        return AskingQuote(prompt_key, change.note, Decimal("0.15"), (), is_simulated=True)

    def ask(self, prompt_key: str, change: Change, *, price_usd: Decimal) -> AskingQuote:
        if self.fault:
            raise self.fault
        self.asked.append((prompt_key, change, price_usd))
        return self.quote(prompt_key, change)


@dataclass
class RecordedRuns:
    """Keeps what was submitted."""

    submitted: list[str] = field(default_factory=list)

    def submit(self, prompt_key: str) -> None:
        self.submitted.append(prompt_key)

    def of_campaign(self, campaign: str) -> tuple[Any, ...]:
        return ()
