"""Keeps editions behind a URL: S3, Google Cloud Storage, Azure, or any other that fsspec knows."""

from nbp_dagster.studio.delivery.publish_target import DeliveryError
from nbp_dagster.studio.storage.url_folder import UrlFolder


class UrlStore(UrlFolder):
    """A place behind a URL that sets are published to, opened when it is first used.

    Args:
        url: Such as `s3://acme-sets/published`; nothing is made that it names but files.

    Example:
        >>> UrlStore("s3://acme-sets/published").read("spring/latest.json")
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, failure=DeliveryError)
