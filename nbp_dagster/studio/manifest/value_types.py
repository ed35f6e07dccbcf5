"""Small records that a manifest is made of: twins, and what a channel covers; no more."""

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


@dataclass(frozen=True, kw_only=True)
class SafeArea:
    """Pixels at each edge of a channel that its interface may cover."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0
