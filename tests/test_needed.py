"""A program that is missing: skipped by a person's tests, and never in CI."""

import sys

import pytest

from tests.helpers import needed


def test_the_first_that_is_there_is_taken(tmp_path, monkeypatch):
    for name in ("second", "third"):
        (tmp_path / name).symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert needed.program("first", "second", "third", package="any") == str(tmp_path / "second")


@pytest.mark.parametrize(
    ("value", "outcome"), [(None, pytest.skip.Exception), ("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_a_missing_one_fails_in_ci_alone_and_says_why(value, outcome, monkeypatch):
    if value is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", value)
    says = "there is no such-server or its-twin here; on Debian: apt-get install its-package"
    with pytest.raises(outcome, match=says):
        needed.program("such-server", "its-twin", package="its-package")


@pytest.mark.parametrize(("find", "package"), [(needed.chromium, "chromium"), (needed.sshd, "openssh-server")])
def test_both_are_looked_for(find, package, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name, path: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"apt-get install {package} "):
        find()
