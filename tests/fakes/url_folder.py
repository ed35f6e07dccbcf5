"""A folder behind a URL that can be cut off, and counts what it is asked."""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from nbp_dagster.studio.storage.url_folder import UrlFolder

T = TypeVar("T")


class CountedFolder(UrlFolder):
    """Raises what the network would raise while it is down.

    Attributes:
        is_down: Whether every request fails.
        failing: How many of the next requests fail, while it is not down.
        asked: Requests by verb, failed ones included.
    """

    def __init__(self, url: str = "", *, attempts: int = 1) -> None:
        super().__init__(
            url or f"memory://{uuid4().hex}", attempts=attempts, pause=lambda seconds: None
        )
        self.is_down = False
        self.failing = 0
        self.asked: Counter[str] = Counter()

    def _ask(self, verb: str, path: str, request: Callable[[Any, str], T]) -> T:
        def counted(files: Any, root: str) -> T:
            self.asked[verb] += 1
            self.failing -= 1
            if self.is_down or self.failing >= 0:
                raise ConnectionError("connection refused")
            return request(files, root)

        return super()._ask(verb, path, counted)
