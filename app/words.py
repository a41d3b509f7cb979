"""Text for the app's pages, escaped so that nothing from a stranger is interpreted as markup."""

import re

# All of ASCII's punctuation can be escaped in Markdown: https://spec.commonmark.org/0.31.2/#backslash-escapes.
# Streamlit adds directives of its own, such as :red[...] and :material/...:, which begin with a colon.
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def escape_markdown(text: str) -> str:
    """Return ``text`` escaped, so that Markdown shows it unchanged."""
    return _PUNCTUATION.sub(r"\\\g<0>", text)


def percent(share: float) -> str:
    """Return 0.8917 as 89.2 %; never 100 %, because no model is that sure."""
    return f"{min(100 * share, 99.9):.1f}\N{NO-BREAK SPACE}%"
