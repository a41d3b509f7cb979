"""Text for the app's pages, in which nothing that a stranger wrote is taken for markup."""

import re

# All of ASCII's punctuation can be escaped in Markdown: https://spec.commonmark.org/0.31.2/#backslash-escapes.
# Streamlit adds directives of its own, such as :red[...] and :material/...:, which begin with a colon.
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def escape_markdown(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is."""
    return _PUNCTUATION.sub(r"\\\g<0>", text)


def percent(share: float) -> str:
    """Return 0.8917 as 89.2 %; never 100 %, as no model is that sure."""
    return f"{min(100 * share, 99.9):.1f}\N{NO-BREAK SPACE}%"
