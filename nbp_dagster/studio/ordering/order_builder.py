"""Builds orders and their fallbacks; prices and limits come from the service's model object."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.responses import Model
from nbp_dagster.prompts.request import Capabilities, ImageRequest, soften_request
from nbp_dagster.studio.ledger.orders import Order

# Set from the prompt and its channels; never a parameter of a brief.
_OWN_FIELDS = frozenset({"prompt", "input_image", "model", "aspect_ratio", "resolution"})


class UnpricedModel(NbpError):
    """The service states no price for the model, so no budget can be enforced."""


@dataclass(frozen=True)
class Quote:
    """A model as the service describes it now.

    Attributes:
        model: The model object.
        capabilities: What it accepts.
        is_gone: Whether the catalogue has it no more; it is described as it was last seen then.
    """

    model: Model
    capabilities: Capabilities
    is_gone: bool = False

    def price(
        self, parameters: Mapping[str, object], what: str, *, given: Decimal | None = None
    ) -> Decimal:
        """Return the price in USD of one image, from the service's model object.

        Args:
            parameters: The request's; the resolution may determine the price.
            what: Names the campaign or sheet in the error.
            given: The price to use where the service states none.

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
    """Return the order of a request, with the softened requests to try if it is refused.

    Args:
        request: The request.
        price: USD; a softened request costs the same.
        scope: The campaign whose budget pays.
        shot: Id of the shot.
        softer: Most softened requests to try.
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
    """Fetch a model and return its quote.

    Raises:
        OxenError: The service does not answer, or has no such model.
    """
    model = client.get_model(model_id)
    return Quote(model=model, capabilities=capabilities_of(model))


def capabilities_of(model: Model) -> Capabilities:
    """Return the capabilities in a model's request schema."""
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
