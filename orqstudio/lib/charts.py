"""Pure geometry of the Studio's charts: numbers in, boxes and lines out.

Knows neither Django nor colours. All lengths are SVG user units; y grows downwards.
A missing value (None) is a gap and never drawn as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

Value = Decimal | None
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, slots=True)
class Bar:
    """One box of a bar chart; `layer` counts from the bottom of its stack."""

    index: int
    layer: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Slot:
    """The whole column of a bucket: where the pointer reads its values."""

    index: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A horizontal rule of the chart and the value it stands for."""

    y: float
    value: Decimal


@dataclass(frozen=True, slots=True)
class BarChart:
    """A stacked bar chart, ready to be written as SVG."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    slots: tuple[Slot, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line over its own area; `peak` is the index of the highest value."""

    width: float
    height: float
    line: str
    area: str
    peak: int | None


def nice_ceiling(value: Decimal) -> Decimal:
    """Return the smallest of 1, 2, 2.5, 5 x 10^n that is at least `value`.

    Zero or less gives 1, so an empty chart still has an axis.
    """
    if value <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(value.adjusted())
    return next(step * power for step in _STEPS if step * power >= value)


def _height_of(value: Decimal, top: Decimal, height: float) -> float:
    return min(height, max(0.0, float(value / top) * height))


def bar_chart(
    layers: Sequence[Sequence[Value]],
    *,
    width: float = 720,
    height: float = 180,
    gap_ratio: float = 0.28,
) -> BarChart:
    """Stack the layers bucket by bucket, lowest first.

    Args:
        layers: series of equal length; None is a gap, negative counts as zero.
        width: of the plot; bars and gaps fill it exactly.
        height: of the plot; the top is the next round number.
        gap_ratio: share of a bucket's column that stays empty.

    Raises:
        ValueError: the layers differ in length.
    """
    columns = list(zip(*layers, strict=True)) if layers else []
    totals = [sum((v for v in column if v and v > 0), Decimal(0)) for column in columns]
    top = nice_ceiling(max(totals, default=Decimal(0)))
    step = width / max(1, len(columns))
    bars = [
        bar
        for index, column in enumerate(columns)
        for bar in _stack(
            index, column, top=top, step=step, height=height, gap_ratio=gap_ratio
        )
    ]
    slots = [Slot(i, round(i * step, 3), round(step, 3)) for i in range(len(columns))]
    ticks = [Tick(height * (1 - share / 2), top * share / 2) for share in (0, 1, 2)]
    return BarChart(width, height, tuple(bars), tuple(slots), tuple(ticks))


def _stack(
    index: int,
    column: Sequence[Value],
    *,
    top: Decimal,
    step: float,
    height: float,
    gap_ratio: float,
) -> list[Bar]:
    bars: list[Bar] = []
    floor = height
    inset = step * gap_ratio / 2
    for layer, value in enumerate(column):
        if value is None or value <= 0:
            continue
        tall = min(floor, max(_height_of(value, top, height), 0.75))
        floor -= tall
        bars.append(
            Bar(
                index=index,
                layer=layer,
                x=round(index * step + inset, 3),
                y=round(floor, 3),
                width=round(step - 2 * inset, 3),
                height=round(tall, 3),
            )
        )
    return bars


def sparkline(
    values: Sequence[Value], *, width: float = 84, height: float = 24
) -> Sparkline:
    """Draw values as one line from edge to edge; gaps are joined over.

    The y scale is the series' own maximum; all zero lies on the floor.
    """
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if not known:
        return Sparkline(width, height, "", "", None)
    top = max(Decimal(0), *(v for _, v in known)) or Decimal(1)
    step = width / max(1, len(values) - 1)
    inner = height - 3
    points = [
        (round(i * step, 2), round(height - 1.5 - _height_of(v, top, inner), 2))
        for i, v in known
    ]
    if len(points) == 1:
        points = [(0.0, points[0][1]), (float(width), points[0][1])]
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    area = f"{points[0][0]:g},{height:g} {line} {points[-1][0]:g},{height:g}"
    peak = max(known, key=lambda pair: pair[1])[0]
    return Sparkline(width, height, line, area, peak)


def fill_width(ratio: Decimal | float, width: float = 100) -> float:
    """Return how much of a bar is filled; above 1 it is full, below 0 empty."""
    return round(min(1.0, max(0.0, float(ratio))) * width, 2)
