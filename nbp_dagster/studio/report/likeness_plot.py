"""Where the marks of a likeness plot stand; pure numbers, drawn by the page's template."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from nbp_dagster.clock import utc_date
from nbp_dagster.studio.report.campaign_report import LikenessPoint
from nbp_dagster.studio.review.approvals import ApprovalState

WIDTH: Final = 1000.0
HEIGHT: Final = 200.0
"""Units of the plot, whatever size it is shown at."""

# Pictures on either side that the line of means takes in.
_NEAR: Final = 4
# Fewer have no line: it would follow the marks.
_LEAST: Final = 12
_EDGE: Final = 10.0


@dataclass(frozen=True)
class LikenessPlot:
    """A plot of one character: a mark a picture, from the oldest to the newest.

    Marks stand evenly apart, as pictures come by the hundred within minutes and then none for
    weeks.

    Attributes:
        marks: A path of each approval state, of points without length.
        mean: A path of the running mean; empty where there are few pictures.
        threshold_y: Where the threshold lies, in units from the top.
        days: Places where another day begins, in units from the left.
        low, high: Standings at the bottom and the top.
    """

    marks: Mapping[ApprovalState, str]
    mean: str
    threshold_y: float
    days: tuple[float, ...]
    low: float
    high: float


def plot_likeness(points: Sequence[LikenessPoint]) -> LikenessPlot:
    """Return the plot of a character's pictures.

    Args:
        points: At least one, oldest first.
    """
    standings = [point.facts.standing for point in points]
    threshold = points[-1].facts.threshold
    low, high = min(*standings, threshold), max(*standings, threshold)
    slack = (high - low) * 0.05 or 0.05
    low, high = low - slack, high + slack
    step = (WIDTH - 2 * _EDGE) / max(1, len(points) - 1)
    places = [
        (_EDGE + step * number, _height(standing, low, high))
        for number, standing in enumerate(standings)
    ]
    return LikenessPlot(
        marks=_draw_marks(points, places),
        mean=_draw_mean(places),
        threshold_y=_height(threshold, low, high),
        days=tuple(
            round(place[0] - step / 2, 1)
            for before, point, place in zip(points, points[1:], places[1:], strict=False)
            if _day(before) != _day(point)
        ),
        low=low,
        high=high,
    )


def _height(standing: float, low: float, high: float) -> float:
    return round(HEIGHT * (high - standing) / (high - low), 1)


def _draw_marks(
    points: Sequence[LikenessPoint], places: Sequence[tuple[float, float]]
) -> dict[ApprovalState, str]:
    found: dict[ApprovalState, list[str]] = {}
    for point, (x, y) in zip(points, places, strict=True):
        found.setdefault(point.state, []).append(f"M{x:.1f} {y:.1f}h0")
    return {state: "".join(marks) for state, marks in found.items()}


def _draw_mean(places: Sequence[tuple[float, float]]) -> str:
    if len(places) < _LEAST:
        return ""
    heights = [y for _, y in places]
    means = [
        fmean(heights[max(0, number - _NEAR) : number + _NEAR + 1])
        for number in range(len(heights))
    ]
    return "M" + "L".join(_join(places, means))


def _join(places: Iterable[tuple[float, float]], heights: Iterable[float]) -> list[str]:
    return [f"{x:.1f} {y:.1f}" for (x, _), y in zip(places, heights, strict=True)]


def _day(point: LikenessPoint) -> str:
    return "" if point.made_at is None else utc_date(point.made_at).isoformat()
