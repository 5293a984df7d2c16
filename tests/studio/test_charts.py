"""The geometry of charts: always inside its box, never NaN, gaps stay gaps."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orqstudio.lib.charts import bar_chart, fill_width, nice_ceiling, sparkline

AMOUNT = st.decimals(0, Decimal("1e12"), allow_nan=False, places=10)
VALUE = st.none() | AMOUNT | st.just(Decimal(0))
SERIES = st.lists(VALUE, max_size=100)
LAYERS = st.integers(0, 90).flatmap(
    lambda size: st.lists(
        st.lists(VALUE, min_size=size, max_size=size), min_size=1, max_size=3
    )
)
SLACK = 0.01


@given(LAYERS)
def test_bars_lie_inside_the_box(layers):
    chart = bar_chart(layers)

    for bar in chart.bars:
        numbers = (bar.x, bar.y, bar.width, bar.height)
        assert all(math.isfinite(n) and n >= 0 for n in numbers)
        assert bar.x + bar.width <= chart.width + SLACK
        assert bar.y + bar.height <= chart.height + SLACK
        assert bar.height > 0


@given(LAYERS)
def test_a_bar_stands_for_every_value_above_zero_and_no_other(layers):
    chart = bar_chart(layers)

    drawn = {(bar.index, bar.layer) for bar in chart.bars}
    shown = {
        (index, layer)
        for layer, values in enumerate(layers)
        for index, value in enumerate(values)
        if value
    }
    assert drawn <= shown
    # a stack that reaches the top leaves no room for slivers on it
    assert len(shown - drawn) <= len(shown) // 2


@given(LAYERS)
def test_a_stack_does_not_overlap(layers):
    chart = bar_chart(layers)

    for index in {bar.index for bar in chart.bars}:
        stack = [bar for bar in chart.bars if bar.index == index]
        for lower, upper in pairwise(stack):
            assert upper.y + upper.height <= lower.y + SLACK


@given(st.lists(AMOUNT, min_size=1, max_size=50))
def test_more_is_taller(values):
    heights = dict.fromkeys(range(len(values)), 0.0)
    heights |= {bar.index: bar.height for bar in bar_chart([values]).bars}

    for left in range(len(values)):
        for right in range(len(values)):
            if values[left] > values[right]:
                assert heights[left] >= heights[right] - SLACK


@given(LAYERS)
def test_slots_fill_the_width_without_gaps(layers):
    chart = bar_chart(layers)

    ends = [slot.x + slot.width for slot in chart.slots]
    starts = [slot.x for slot in chart.slots]
    assert starts[:1] in ([], [0])
    assert all(abs(a - b) < SLACK for a, b in zip(ends, starts[1:], strict=False))
    assert not ends or abs(ends[-1] - chart.width) < SLACK


def test_an_empty_chart_still_has_an_axis():
    for layers in ([], [[]], [[Decimal(0), None]]):
        chart = bar_chart(layers)
        assert chart.bars == ()
        assert [tick.value for tick in chart.ticks] == [0, Decimal("0.5"), 1]


def test_layers_of_different_length_are_refused():
    with pytest.raises(ValueError, match="argument 2"):
        bar_chart([[Decimal(1)], []])


@given(AMOUNT)
def test_a_ceiling_is_round_and_not_far(value):
    ceiling = nice_ceiling(value)

    assert ceiling >= value
    assert ceiling.normalize().as_tuple().digits in {(1,), (2,), (2, 5), (5,)}
    if value > 0:
        assert ceiling <= value * Decimal("2.5")


@given(SERIES)
def test_a_sparkline_stays_inside(values):
    spark = sparkline(values)

    points = [tuple(map(float, p.split(","))) for p in spark.line.split()]
    assert bool(points) == any(v is not None for v in values)
    for x, y in points:
        assert 0 <= x <= spark.width + SLACK
        assert 0 <= y <= spark.height


@given(SERIES)
def test_the_peak_is_the_highest(values):
    spark = sparkline(values)

    known = [v for v in values if v is not None]
    if not known:
        assert spark.peak is None
    else:
        assert values[spark.peak] == max(known)


def test_a_single_point_is_a_line_from_edge_to_edge():
    assert sparkline([Decimal(3)], width=10, height=9).line == "0,1.5 10,1.5"


@given(st.floats(-10, 10) | AMOUNT)
def test_a_bar_is_between_empty_and_full(ratio):
    assert 0 <= fill_width(ratio) <= 100


def test_a_bar_past_its_end_is_full():
    assert fill_width(Decimal("1.24")) == 100
    assert fill_width(Decimal("0.4")) == 40
