"""A client that meters its use: requests, images, USD; otherwise an ordinary client.

Must not know: Dagster, or what becomes of the counts.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.catalogue import Model
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import AmbiguousPost, OxenError
from nbp_dagster.oxen.executor import BeforeRepeat
from nbp_dagster.oxen.job_events import EVENTS_PATH
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport
from nbp_dagster.oxen.urls import is_own

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The metered use of the service.

    Attributes:
        calls: Requests to the service, retries and connects of the event stream included.
        images: Images it billed: one for each answered blocking call, one for each enqueued job,
            whatever the outcome of the job.
        maybe_images: Images of calls that the service may have accepted: `AmbiguousPost`, or an
            interrupt during the call.
        billed_usd: Price of `images` by the service's own model objects.
        unpriced_images: Those of `images` whose model object states no price; not in `billed_usd`.
        seconds: Time of requests and downloads, their wait for a slot included, summed over
            threads; without the event stream's time.
        throttled: Answers with status 429.
    """

    calls: int = 0
    images: int = 0
    maybe_images: int = 0
    billed_usd: Decimal = Decimal(0)
    unpriced_images: int = 0
    seconds: float = 0.0
    throttled: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            calls=self.calls + other.calls,
            images=self.images + other.images,
            maybe_images=self.maybe_images + other.maybe_images,
            billed_usd=self.billed_usd + other.billed_usd,
            unpriced_images=self.unpriced_images + other.unpriced_images,
            seconds=self.seconds + other.seconds,
            throttled=self.throttled + other.throttled,
        )

    def in_words(self) -> str:
        """Return one line for a log, such as "9 calls, 4 images, 0.60 USD"."""
        parts = [f"{self.calls:,} calls", f"{self.images:,} images", f"{self.billed_usd:.2f} USD"]
        if self.unpriced_images:
            parts.append(f"{self.unpriced_images:,} images without a stated price")
        if self.maybe_images:
            parts.append(f"{self.maybe_images:,} images that may have been billed")
        if self.throttled:
            parts.append(f"{self.throttled:,} times held back (429)")
        return ", ".join(parts)


class Counter:
    """A `Usage` that several threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage = Usage()

    @property
    def usage(self) -> Usage:
        """The counts so far."""
        with self._lock:
            return self._usage

    def add(self, usage: Usage) -> None:
        """Add counts."""
        with self._lock:
            self._usage += usage


class MeteredTransport(Transport):
    """Sends requests through another transport and counts them.

    Args:
        transport: Sends them.
        base_url: Root of the service; downloads from elsewhere count with their time only.
        counter: Takes the counts.
        clock: Measures the time.
    """

    def __init__(
        self, transport: Transport, *, base_url: str, counter: Counter, clock: Clock
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._counter = counter
        self._clock = clock

    def __repr__(self) -> str:
        return f"MeteredTransport({self._transport!r})"

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        """Send, count the answer, and its time until it is read."""
        is_api = is_own(request.url, self._base_url)
        began = self._clock.monotonic()
        self._counter.add(Usage(calls=int(is_api)))
        try:
            with self._transport.stream(request) as answer:
                if is_api and answer.status == 429:
                    self._counter.add(Usage(throttled=1))
                yield answer
        finally:
            # The event stream is open for as long as it is read: no call waits for it.
            if not (is_api and request.url.endswith(EVENTS_PATH)):
                self._counter.add(Usage(seconds=self._clock.monotonic() - began))


class PriceList:
    """Prices from the service's own model objects, each fetched once; thread-safe."""

    def __init__(self) -> None:
        self._models: dict[str, Model | None] = {}
        self._lock = threading.Lock()

    def price(
        self, client: OxenClient, model: str, parameters: Mapping[str, object] | None
    ) -> Decimal | None:
        """Return USD per image; None when it is not stated or could not be fetched.

        Args:
            client: Fetches the model object.
            model: Model id.
            parameters: Fields of the request, which the price may depend on.
        """
        with self._lock:
            if model not in self._models:
                try:
                    self._models[model] = client.get_model(model)
                except OxenError:
                    self._models[model] = None
            found = self._models[model]
        return None if found is None else found.price(parameters or {})


class MeteredClient(OxenClient):
    """An `OxenClient` whose paid calls are counted with the service's own price.

    A model's price is fetched once, before its first paid call; where that fails the call goes on
    and its images count as unpriced.

    Args:
        base_url: Root of the service, without `/api`.
        counter: Takes the counts of every paid call.
        prices: Prices fetched earlier, and later ones.
        options: As `OxenClient` takes them.
    """

    def __init__(
        self, base_url: str, *, counter: Counter, prices: PriceList, **options: Any
    ) -> None:
        super().__init__(base_url, **options)
        self._counter = counter
        self._prices = prices

    def _pay(
        self,
        path: str,
        payload: Mapping[str, object],
        *,
        parse: Callable[[object], T],
        count_images: Callable[[T], int],
        read_timeout: float,
        before_repeat: BeforeRepeat | None = None,
    ) -> T:
        price = self._prices.price(self, str(payload["model"]), payload)
        try:
            answer = super()._pay(
                path,
                payload,
                parse=parse,
                count_images=count_images,
                read_timeout=read_timeout,
                before_repeat=before_repeat,
            )
        except BaseException as error:
            # An interrupt in the middle of a call leaves as much in doubt as a lost answer.
            if isinstance(error, AmbiguousPost) or not isinstance(error, OxenError):
                asked = payload.get("num_generations", 1)
                self._counter.add(Usage(maybe_images=asked if isinstance(asked, int) else 1))
            raise
        images = count_images(answer)
        if price is None:
            self._counter.add(Usage(images=images, unpriced_images=images))
        else:
            self._counter.add(Usage(images=images, billed_usd=price * images))
        return answer
