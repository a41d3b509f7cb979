"""The report's two renderings: an HTML page that needs nothing beside it, and Markdown for a pull request.

The templates stand in scenes/report/templates. Whatever is not the template's own text is escaped, in both; a value that a
template names and the context lacks is an error. Nothing but the context goes in: the same context, the same bytes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scenes import templates

_TEMPLATES = Path(templates.__file__).parent
_SPACE, _MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
# What GitHub's Markdown could take for its own, also within a table.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>|#~&$]")


def html(context: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        context: what ``scenes.report.context.context`` returns.
    """
    return _environment(autoescape=True).get_template("report.html.jinja").render(context)


def markdown(context: Mapping[str, Any]) -> str:
    """Return the short version, without pictures.

    Args:
        context: see :func:`html`.
    """
    return _environment(finalize=escape_markdown).get_template("report.md.jinja").render(context)


def escape_markdown(value: Any) -> Any:
    """Return ``value`` as text of one line in which nothing is Markdown; what is marked safe as it is."""
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
    """0.891667 as 89.2 %."""
    return f"{100 * share:.{digits}f}{_SPACE}%"


def points(difference: float) -> str:
    """0.0125 as +1.2 points (of a hundred)."""
    return f"{100 * difference:+.1f}{_SPACE}points".replace("-", _MINUS)


def interval(ends: Mapping[str, float]) -> str:
    """``{"low": 0.85, "high": 0.929}`` as 85.0 to 92.9 %."""
    low, high = (f"{100 * ends[end]:.1f}".replace("-", _MINUS) for end in ("low", "high"))
    return f"{low} to {high}{_SPACE}%"


def count(number: int) -> str:
    """12600 as 12,600."""
    return f"{number:,}"


def score(value: float) -> str:
    """A score that is no share, in three decimals."""
    return f"{value:.3f}"


def p_value(value: float) -> str:
    """In three decimals; below those, that it is."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
