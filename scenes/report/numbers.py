"""Numbers as the report writes them."""

from collections.abc import Mapping

_SPACE, _MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"


def percent(share: float, digits: int = 1) -> str:
    """Format 0.891667 as 89.2 %."""
    return f"{100 * share:.{digits}f}{_SPACE}%"


def points(difference: float) -> str:
    """Format 0.0125 as +1.2 points, a difference of percentages."""
    return f"{100 * difference:+.1f}{_SPACE}points".replace("-", _MINUS)


def interval(ends: Mapping[str, float], unit: str = "%") -> str:
    """Format ``{"low": 0.85, "high": 0.929}`` as 85.0 to 92.9 %; the ``unit`` of a difference is points."""
    low, high = (f"{100 * ends[end]:.1f}".replace("-", _MINUS) for end in ("low", "high"))
    return f"{low} to {high}{_SPACE}{unit}"


def count(number: int) -> str:
    """Format 12600 as 12,600."""
    return f"{number:,}"


def score(value: float) -> str:
    """Format a score that is not a percentage with three decimals."""
    return f"{value:.3f}"


def p_value(value: float) -> str:
    """Format a p-value as = 0.050, or as < 0.001."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
