"""Numbers as the report writes them."""

import pytest

from scenes.report import numbers


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (numbers.percent(0.891667), "89.2 %"),
        (numbers.percent(0.95, 0), "95 %"),
        (numbers.points(0.0125), "+1.2 points"),
        (numbers.points(-0.0125), "\N{MINUS SIGN}1.2 points"),
        (numbers.interval({"low": 0.85, "high": 0.929}), "85.0 to 92.9 %"),
        (numbers.interval({"low": -0.033, "high": 0.042}, "points"), "\N{MINUS SIGN}3.3 to 4.2 points"),
        (numbers.count(12600), "12,600"),
        (numbers.score(0.41234), "0.412"),
        (numbers.p_value(0.0009), "< 0.001"),
        (numbers.p_value(0.05), "= 0.050"),
    ],
)
def test_a_number_is_written_as(written, said):
    assert written.replace("\N{NO-BREAK SPACE}", " ") == said
