"""The models of a run: each fetched once, kept in use when it is gone, compared with the last run.

Must not know: prompts, or what is bought.
"""

from collections.abc import Callable, Iterable, Mapping

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import DEFAULT_MODEL
from nbp_dagster.oxen.errors import ConnectionFailed, NotFound
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ordering.model_memory import ModelMemory, ModelNews, describe_changes
from nbp_dagster.studio.ordering.order_builder import Quote, capabilities_of


class ModelWatch:
    """The models that some briefs name, as the service describes them now.

    Args:
        briefs: The briefs.
        memory: The models as the last run saw them.
        fetch: Asks the service for a model.
    """

    def __init__(
        self, briefs: Briefs, memory: ModelMemory, *, fetch: Callable[[str], Quote]
    ) -> None:
        self._briefs = briefs
        self._memory = memory
        self._fetch = fetch
        self._quotes: dict[str, Quote] = {}

    def quote(self, model_id: str) -> Quote:
        """Return the quote of a model, fetched once a run.

        Of one that has left the catalogue it is that of the last run, so that what is made with it
        stays in use.

        Raises:
            NotFound: The service has no such model, and no run has seen it.
            OxenError: The service does not answer, or somebody else answers for it.
        """
        if model_id not in self._quotes:
            self._quotes[model_id] = self._fetch_or_recall(model_id)
        return self._quotes[model_id]

    def is_gone(self, model_id: str) -> bool:
        """Return whether the catalogue does not have a model.

        Raises:
            OxenError: The service does not answer.
        """
        try:
            return self.quote(model_id).is_gone
        except NotFound:
            return True

    def forget(self) -> None:
        """Have every model fetched again when it is next asked for."""
        self._quotes.clear()

    def _fetch_or_recall(self, model_id: str) -> Quote:
        try:
            return self._fetch(model_id)
        except NotFound as error:
            if not error.is_of_service:
                raise ConnectionFailed(
                    f"not in the service's own words, so a proxy may have sent it: {error.detail}",
                    endpoint=error.endpoint,
                    maybe_sent=True,
                    status=error.status,
                ) from error
            seen = self._memory.recall(model_id)
            if seen is None:
                raise
            return Quote(seen.model, capabilities_of(seen.model), is_gone=True)

    def tell_gone(self, model_id: str) -> str:
        """Return the line on a model that the catalogue does not have."""
        seen = self._memory.recall(model_id)
        since = "" if seen is None else f", where it was last on {seen.day}"
        return (
            f"{model_id} is not in the service's catalogue{since}: what is made with it stays in "
            "use, nothing more can be bought; name another model in the campaign"
        )

    def find_news(self, campaigns: Iterable[str]) -> tuple[ModelNews, ...]:
        """Return what is new of the models of some campaigns since the last run.

        Raises:
            OxenError: The service does not answer.
        """
        found = (self._compare(model) for model in self._models_of(campaigns))
        return tuple(news for news in found if news is not None)

    def list_users(self, model_id: str, campaigns: Iterable[str]) -> tuple[str, ...]:
        """Return those of some campaigns whose pictures or sheets a model draws."""
        return tuple(name for name in campaigns if model_id in self._models_of([name]))

    def remember(self, campaigns: Iterable[str], *, now: float) -> None:
        """Write down what the models of some campaigns are now; asks for none that is not asked."""
        for model_id in self._models_of(campaigns):
            quote = self._quotes.get(model_id)
            if quote is not None and not quote.is_gone:
                self._memory.remember(quote.model, now=now)

    def _compare(self, model_id: str) -> ModelNews | None:
        if self.is_gone(model_id):
            return ModelNews(model_id, is_gone=True, sentence=self.tell_gone(model_id))
        quote, seen = self.quote(model_id), self._memory.recall(model_id)
        changes = [] if seen is None else list(describe_changes(seen.model, quote.model))
        if seen is None or not changes:
            return None
        sentence = f"{model_id} has changed since {seen.day}: it {', '.join(changes)}"
        return ModelNews(model_id, is_gone=False, sentence=sentence)

    def _models_of(self, campaigns: Iterable[str]) -> tuple[str, ...]:
        """Return the models that draw some campaigns' pictures and their characters' sheets."""
        found: dict[str, None] = {}
        for name in campaigns:
            campaign = self._briefs.campaigns[name]
            models = campaign.chain[:1] if campaign.fall_back == "never" else campaign.chain
            found.update(dict.fromkeys(models))
            characters = self._briefs.brands[campaign.brand].characters
            cast = (character for shot in campaign.shots for character in shot.characters)
            if any(not characters[character].references for character in cast):
                found[DEFAULT_MODEL] = None
        return tuple(found)


def find_lost(
    ledger: Ledger, requests: Mapping[str, ImageRequest], models: ModelWatch, *, fresh: bool
) -> dict[str, str]:
    """Return why requests of models that are gone can't be bought, by the key of their prompt.

    What is made, open or refused at such a model keeps its request.

    Args:
        ledger: The purchases.
        requests: The requests by prompt key.
        models: The models.
        fresh: What is made is bought again on purpose, which such a model can't.
    """
    gone = {key: item for key, item in requests.items() if models.quote(item.model).is_gone}
    known = ledger.latest(item.fingerprint for item in gone.values())
    lost: dict[str, str] = {}
    for key, item in gone.items():
        row = known.get(item.fingerprint)
        if row is not None and row.is_in_use and (row.is_open or not fresh):
            continue
        lost[key] = models.tell_gone(item.model)
    return lost
