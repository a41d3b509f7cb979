"""The report as a self-contained HTML page, and as short Markdown for a pull request.

The templates are in scenes/report/templates. All values are escaped, and a value missing from the context is an error.
The same context gives the same bytes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scenes.report import templates

_TEMPLATES = Path(templates.__file__).parent
_SPACE, _MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
# Characters with a meaning in GitHub's Markdown, also inside tables.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>|#~&$]")


def html(context: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        context: see ``scenes.report.context.context``.
    """
    return _environment(autoescape=True).get_template("report.html.jinja").render(context)


def markdown(context: Mapping[str, Any]) -> str:
    """Return the short version, without pictures.

    Args:
        context: see ``scenes.report.context.context``.
    """
    return _environment(finalize=escape_markdown).get_template("report.md.jinja").render(context)


def escape_markdown(value: Any) -> Any:
    """Return ``value`` as one line of text without Markdown; a value marked safe is returned unchanged."""
    if isinstance(value, Markup):
        return value
    return _MARKDOWN.sub(r"\\\g<0>", re.sub(r"[\r\n\t]+", " ", str(value)))


def _environment(**options: Any) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters |= {
        "percent": percent,
        "points": points,
        "interval": interval,
        "count": count,
        "score": score,
        "p_value": p_value,
    }
    return environment


def percent(share: float, digits: int = 1) -> str:
    """Format 0.891667 as 89.2 %."""
    return f"{100 * share:.{digits}f}{_SPACE}%"


def points(difference: float) -> str:
    """Format 0.0125 as +1.2 points, a difference of percentages."""
    return f"{100 * difference:+.1f}{_SPACE}points".replace("-", _MINUS)


def interval(ends: Mapping[str, float]) -> str:
    """Format ``{"low": 0.85, "high": 0.929}`` as 85.0 to 92.9 %."""
    low, high = (f"{100 * ends[end]:.1f}".replace("-", _MINUS) for end in ("low", "high"))
    return f"{low} to {high}{_SPACE}%"


def count(number: int) -> str:
    """Format 12600 as 12,600."""
    return f"{number:,}"


def score(value: float) -> str:
    """Format a score that is not a percentage with three decimals."""
    return f"{value:.3f}"


def p_value(value: float) -> str:
    """Format a p-value with three decimals, or as < 0.001."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
