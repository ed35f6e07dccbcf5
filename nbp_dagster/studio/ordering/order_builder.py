"""What the service's model object allows and asks, in the words of briefs and orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.responses import Model
from nbp_dagster.prompts.request import Capabilities, ImageRequest, soften_request
from nbp_dagster.studio.ledger.orders import Order

# Set by the project itself, from the prompt and its channels; never a brief's parameter.
_OWN_FIELDS = frozenset({"prompt", "input_image", "model", "aspect_ratio", "resolution"})


class UnpricedModel(NbpError):
    """The service states no price for the model, so no budget can hold."""


@dataclass(frozen=True)
class Quote:
    """A model as the service describes it now."""

    model: Model
    capabilities: Capabilities

    def price(
        self, parameters: Mapping[str, object], what: str, *, given: Decimal | None = None
    ) -> Decimal:
        """Return the USD one image costs, from the service's own model object.

        Args:
            parameters: The request's; the resolution may decide the price.
            what: Named in the error.
            given: Holds only where the service states no price.

        Raises:
            UnpricedModel: The model object states no price per image, and none is given.
        """
        price = self.model.price(parameters)
        if price is None:
            price = given
        if price is None:
            raise UnpricedModel(
                f"{what}: the service states no price for an image of {self.model.id} at "
                f"{parameters.get('resolution')}; choose a model with a price per image, or give "
                "price_usd in the campaign"
            )
        return price


def build_order(
    request: ImageRequest, *, price: Decimal, scope: str, shot: str = "", softer: int = 0
) -> Order:
    """Return the order for a request, with the milder wordings to try should it be refused.

    Args:
        request: What to ask for.
        price: USD; a milder wording costs the same.
        scope: The campaign whose budget pays.
        shot: Id of the shot.
        softer: How many milder wordings may be tried.
    """
    requests = (request, *(soften_request(request, softer) if softer else ()))
    order: Order | None = None
    for index, item in reversed(list(enumerate(requests))):
        order = Order(
            request=item,
            price=price,
            scope=scope,
            shot=shot,
            parent=requests[index - 1].fingerprint if index else None,
            on_refusal=order,
        )
    assert order is not None
    return order


def fetch_quote(client: OxenClient, model_id: str) -> Quote:
    """Ask the service for the model, once.

    Raises:
        OxenError: The service can't be asked, or knows no such model.
    """
    model = client.get_model(model_id)
    return Quote(model=model, capabilities=capabilities_of(model))


def capabilities_of(model: Model) -> Capabilities:
    """Translate the model's request schema."""
    properties = _properties(model)
    return Capabilities(
        aspect_ratios=tuple(str(item) for item in model.enum("aspect_ratio") or ()),
        resolutions=tuple(str(item) for item in model.enum("resolution") or ()),
        parameters={name: _accepted(model, name) for name in properties if name not in _OWN_FIELDS},
    )


def _accepted(model: Model, name: str) -> tuple[str | bool, ...] | None:
    listed = model.enum(name)
    if listed is not None:
        return tuple(item if isinstance(item, bool) else str(item) for item in listed)
    field = _properties(model).get(name)
    return (True, False) if isinstance(field, Mapping) and field.get("type") == "boolean" else None


def _properties(model: Model) -> Mapping[str, object]:
    properties = model.schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}
