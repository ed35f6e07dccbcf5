"""What records and manifests keep of originals that are one picture; no more."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TwinFacts:
    """An original that another prompt has already.

    Attributes:
        prompt_key: The prompt.
        twin_of: The first prompt of the campaign with this picture.
        likeness: 1 for the same picture.
        same_file: Whether they are equal to the last byte.
    """

    prompt_key: str
    twin_of: str
    likeness: float
    same_file: bool
