"""Having a Dagster webserver load the definitions anew."""

from collections.abc import Callable
from urllib.parse import urlsplit

# Takes the code location's name; returns one line on what came of it, and raises nothing.
Reload = Callable[[str], str]

# Loading code takes the webserver a few seconds.
_SECONDS = 60
_YOURSELF = "reload definitions yourself"


def reload_through(url: str) -> Reload:
    """Return what asks the webserver at an address to reload a code location.

    Args:
        url: Such as `http://127.0.0.1:3000`, with the path where it is served below one.
    """
    address = urlsplit(url)

    def reload(location: str) -> str:
        try:
            from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError
        except ImportError:
            return (
                "asking the webserver to reload needs the package dagster-graphql: "
                f"pip install dagster-graphql, or {_YOURSELF}"
            )
        try:
            client = DagsterGraphQLClient(
                address.hostname or "",
                port_number=address.port,
                use_https=address.scheme == "https",
                path_prefix=address.path.rstrip("/"),
                timeout=_SECONDS,
            )
            info = client.reload_repository_location(location)
        except (DagsterGraphQLClientError, OSError) as error:
            reason = type(error).__name__
            return f"{url} could not be asked to reload {location} ({reason}); {_YOURSELF}"
        if info.message is not None:
            return f"{url} could not reload {location}: {info.message.splitlines()[0]}"
        return f"{url} has reloaded {location}"

    return reload
