"""Names in figures: drawn in a font of the machine if it has one, as codes if not, and never wider than their place."""

import unicodedata

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import font_manager
from PIL import Image

from scenes.plots import style, text

APPLE = "苹果"


@pytest.fixture
def fonts(monkeypatch):
    """A function that makes these files all fonts of the machine, beside those that come with matplotlib."""
    bundled = [font for font in font_manager.fontManager.ttflist if "mpl-data" in font.fname]

    def install(*files) -> None:
        monkeypatch.setattr(font_manager.fontManager, "ttflist", list(bundled))
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(file) for file in files])
        forget()

    def forget() -> None:
        for cached in (text.families, text._code_points, text._advised):
            cached.cache_clear()
        font_manager.fontManager._findfont_cached.cache_clear()

    install()
    yield install
    monkeypatch.undo()
    forget()
    style.apply()


def font(file, letters: str, family: str = "WenQuanYi Micro Hei"):
    """Write a font in which each of these letters is a black square, and return its file."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    glyphs = dict.fromkeys((".notdef", "square"), pen.glyph())
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(letter): "square" for letter in letters})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    builder.save(file)
    return file


def drawn(path, words: str) -> np.ndarray:
    figure = style.figure(4, 1)
    figure.text(0.1, 0.4, text.drawable(words), fontsize=20)
    style.save(figure, path)
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def test_letters_that_no_font_has_become_codes_and_a_line_says_what_to_install_once(fonts, capsys):
    assert text.drawable(f"{APPLE} apple") == r"\u82f9\u679c apple"
    assert text.drawable("사과") == r"\uc0ac\uacfc"
    (line,) = capsys.readouterr().out.splitlines()
    assert r"\u82f9" in line
    assert line.endswith("On Debian, install fonts-noto-cjk")
    text.drawable("แอปเปิล")
    text.drawable("🍎")
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "fonts-noto-core",
        "fonts-symbola",
    ]


def test_letters_are_drawn_in_a_font_of_the_machine(fonts, tmp_path, capsys):
    fonts(font(tmp_path / "one.ttf", APPLE))
    assert text.families() == (text.DEFAULT, "WenQuanYi Micro Hei")
    assert text.drawable(APPLE) == APPLE
    # Two black squares of 0.9 em at 20 points and 120 dots per inch.
    assert (drawn(tmp_path / "a.png", APPLE) < 50).sum() == pytest.approx(2 * (0.9 * 20 * 120 / 72) ** 2, rel=0.15)
    assert text.drawable("사과") == r"\uc0ac\uacfc"
    assert "fonts-noto-cjk" in capsys.readouterr().out


def test_what_dejavu_has_gives_the_same_bytes_whatever_fonts_the_machine_has(fonts, tmp_path):
    words = "Apfelbäume, яблоко, μήλο, תפוח, تفاح → ≠ ✓"
    assert text.drawable(words) == words
    drawn(tmp_path / "without.png", words)
    fonts(font(tmp_path / "one.ttf", APPLE + words))
    drawn(tmp_path / "with.png", words)
    assert (tmp_path / "without.png").read_bytes() == (tmp_path / "with.png").read_bytes()


def test_a_file_that_is_no_font_is_passed_over(fonts, tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    fonts(tmp_path / "broken.ttf", font(tmp_path / "one.ttf", APPLE))
    assert text.drawable(APPLE) == APPLE


@pytest.mark.parametrize(("name", "code"), [("a\tb", r"a\tb"), ("a\x07", r"a\x07"), ("a\udcff", r"a\udcff")])
def test_what_is_no_letter_becomes_a_code_without_advice(fonts, name, code, capsys):
    assert text.drawable(name) == code
    assert capsys.readouterr().out == ""


def test_a_long_name_keeps_its_ends(fonts):
    assert text.short("1234567890", 10) == "1234567890"
    assert text.short("0123456789abcdef", 10) == "0123…bcdef"
    assert text.short("苹果苹果", 17) == r"\u82f9…\u679c"  # no code is cut


def width(words: str) -> int:
    """In Latin letters, by Unicode's own tables."""
    wide = {"W": 2, "F": 2}
    return sum(
        wide.get(unicodedata.east_asian_width(letter), 1) for letter in words if not unicodedata.combining(letter)
    )


@given(st.text(st.characters(codec="utf-8", exclude_characters="…"), max_size=40), st.integers(6, 40))
def test_a_name_that_is_too_wide_fits_and_keeps_its_ends(name, limit):
    whole = text.drawable(name)
    shortened = text.short(name, limit)
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in shortened):
        assert shortened[0] == shortened[-1] == "\N{LEFT-TO-RIGHT MARK}"
        shortened = shortened[1:-1]
    if width(whole) <= limit:
        assert shortened == whole
    else:
        assert width(shortened) <= limit
        head, tail = shortened.split("…")
        assert whole.startswith(head)
        assert whole.endswith(tail)
