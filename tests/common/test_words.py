"""Counts, names and lists in messages."""

from scenes.common.words import count, listed, shortened, show, suggestion


def test_counts_agree_with_their_noun():
    assert [count(number, "image") for number in (0, 1, 1200)] == ["0 images", "1 image", "1,200 images"]
    assert [count(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]


def test_names_are_quoted_on_one_line_and_cut():
    assert show("a\nb") == r"'a\nb'"
    assert show("x" * 200, 60) == f"'{'x' * 56}...'"
    assert listed(["a"]) == "'a'"
    assert listed(["a", "b", "c"]) == "'a', 'b' and 'c'"
    assert listed(["a", "b", "c", "d", "e"]) == "'a', 'b', 'c' and 2 more"


def test_long_lists_end_with_how_many_more_there_are():
    assert shortened("abc") == "a, b, c"
    assert shortened("abcde", 5) == "a, b, c, d, e"
    assert shortened(map(str, range(1205)), 2) == "0, 1 and 1,203 more"
    assert shortened([]) == ""


def test_a_name_that_there_is_not():
    assert suggestion("sead", ["seed", "split"]) == "did you mean `seed`?"
    assert suggestion("x", ["seed", "split"]) == "use one of seed, split"
