"""Long lists in messages end with how many more there are."""

from scenes.common.words import shortened


def test_shortened():
    assert shortened("abc") == "a, b, c"
    assert shortened("abcde", 5) == "a, b, c, d, e"
    assert shortened(map(str, range(1205)), 2) == "0, 1 and 1,203 more"
    assert shortened([]) == ""
