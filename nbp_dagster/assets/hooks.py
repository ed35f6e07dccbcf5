"""Letting somebody else's code run around the steps, without a say in what they buy and record."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import dagster as dg

# Given a step's context and its work, which is done once, as it is iterated.
Execute = Callable[[dg.AssetExecutionContext, Iterator[Any]], Iterator[Any]]


def pass_through(context: dg.AssetExecutionContext, step: Iterator[Any]) -> Iterator[Any]:
    """Do the step's work and nothing else."""
    yield from step


def run_within(execute: Execute) -> Callable[[Callable[..., Any]], Callable[..., Iterator[Any]]]:
    """Return a decorator for an asset's function; it stands below Dagster's own.

    Example:
        >>> @run_within(pass_through)
        ... def brand_kits(context: dg.AssetExecutionContext): ...
    """

    def decorate(body: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        @wraps(body)
        def run(
            context: dg.AssetExecutionContext, *args: object, **config: object
        ) -> Iterator[Any]:
            yield from execute(context, body(context, *args, **config))

        return run

    return decorate
