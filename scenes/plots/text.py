"""Names in figures: fonts that have their letters, and names that fit into their places.

Letters that DejaVu Sans has (Latin, Greek, Cyrillic, Arabic, Hebrew, ...) are drawn in the copy that comes with
matplotlib: the same bytes on every machine. Other letters, such as Chinese, Japanese, Korean and Thai ones, are drawn
in a font of the machine, so the bytes of a figure that has some depend on the fonts that are installed. A letter that
no font has is written as its code, such as \\u82f9, and a line says which Debian package has a font for it.
"""

import logging
import unicodedata
from functools import cache

DEFAULT = "DejaVu Sans"
_REGIONS = ("SC", "TC", "JP", "KR")
_SCRIPTS = (  # of fonts-noto-core, those that DejaVu Sans does not have
    *("Devanagari", "Bengali", "Gujarati", "Gurmukhi", "Kannada", "Malayalam", "Oriya", "Sinhala", "Tamil", "Telugu"),
    *("Thai", "Lao", "Khmer", "Myanmar", "Ethiopic"),
)
# Looked for in this order. The first ones have the letters of all of Chinese, Japanese and Korean.
FALLBACKS = (
    *(f"Noto Sans CJK {region}" for region in _REGIONS),
    *(f"Source Han Sans {region}" for region in _REGIONS),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "NanumGothic", "IPAGothic"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic"),  # Windows
    *("PingFang SC", "Hiragino Sans GB", "Apple SD Gothic Neo", "Arial Unicode MS"),  # macOS
    *(f"Noto Sans {script}" for script in _SCRIPTS),
    *("Symbola", "FreeSans", "Unifont"),
)
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"  # invisible
_CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")  # Unicode names


@cache
def families() -> tuple[str, ...]:
    """Return the families for all text: ``DEFAULT``, then those of ``FALLBACKS`` that this machine has."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    # It would log that a fallback has no bold letters, which does not matter.
    logging.getLogger(font_manager.__name__).setLevel(logging.ERROR)
    # matplotlib caches a list of the fonts, and does not notice one that was installed since.
    for path in sorted({*font_manager.findSystemFonts()} - {font.fname for font in manager.ttflist}):
        try:
            manager.addfont(path)
        except (OSError, RuntimeError):  # damaged, or of a kind that matplotlib can't draw, such as colour bitmaps
            continue
    present = {font.name for font in manager.ttflist}
    return (DEFAULT, *(name for name in FALLBACKS if name in present))


@cache
def _code_points() -> frozenset[int]:
    """Return the code points that the fonts of :func:`families` have, both regular and bold."""
    from matplotlib import font_manager

    weights = []
    for weight in ("normal", "bold"):
        properties = [font_manager.FontProperties(family=[name], weight=weight) for name in families()]
        fonts = [font_manager.get_font(font_manager.findfont(each)) for each in properties]
        weights.append(frozenset(code for font in fonts for code in font.get_charmap()))
    return weights[0] & weights[1]


def drawable(text: str) -> str:
    """Return ``text`` with the codes of the letters that no font on this machine has, and of control characters."""
    return text if text.isascii() and text.isprintable() else "".join(map(_drawable, text))


def _drawable(character: str) -> str:
    category = unicodedata.category(character)
    if character == "\n" or (category != "Cc" and ord(character) in _code_points()):
        return character
    code = character.encode("unicode_escape").decode("ascii")
    if category[0] != "C":  # a control character or an unassigned one, which no font has
        _advise(_package(character, category), code)
    return code


def _package(character: str, category: str) -> str:
    if unicodedata.name(character, "").startswith(_CJK):
        return "fonts-noto-cjk"
    return "fonts-symbola" if category[0] == "S" else "fonts-noto-core"


@cache
def _advised() -> set[str]:
    """Return the packages that were advised in this process."""
    return set()


def _advise(package: str, code: str) -> None:
    """Print which package to install, once."""
    if package not in _advised():
        _advised().add(package)
        print(
            f"plots: no font on this machine has some letters of the names; they are written as codes such as {code}. "
            f"On Debian, install {package}"
        )


def short(text: str, limit: int = 20) -> str:
    """Return ``text`` as :func:`drawable`, or its ends joined by an ellipsis if it is too wide.

    Text that is written from right to left does not turn around what is written before and after it.

    Args:
        limit: the width in Latin letters; Chinese, Japanese and Korean letters are twice as wide.
    """
    letters = [drawable(character) for character in text]
    widths = [_width(letter) for letter in letters]
    if sum(widths) > limit:
        head = _fitting(widths, limit // 2 - 1)
        tail = _fitting(widths[::-1], limit - limit // 2)
        letters = [*letters[:head], "…", *letters[len(letters) - tail :]]
    result = "".join(letters)
    is_rtl = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in result)
    return f"{_LEFT_TO_RIGHT}{result}{_LEFT_TO_RIGHT}" if is_rtl else result


def _width(letter: str) -> int:
    if len(letter) > 1 or unicodedata.combining(letter):  # a code, or a mark above or below the letter before it
        return len(letter) if len(letter) > 1 else 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _fitting(widths: list[int], limit: int) -> int:
    """Return how many of the first letters fit."""
    total = 0
    for count, width in enumerate(widths):
        total += width
        if total > limit:
            return count
    return len(widths)
