"""On the command line, an address in place of a path is not repeated, and another source is explained."""

import pytest

from scenes.commands.argument_types import local_path
from scenes.commands.main import main

COMMANDS = [
    ("look", "{}"),
    ("own", "{}"),
    ("predict", "{}"),
    ("predict", "a.jpg", "--model", "{}"),
    ("score", "{}"),
    ("score", "a.zip", "--model", "{}"),
    ("corrections", "merge", "{}"),
    ("check", "{}"),
    ("{}",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "address",
    [
        "https://u:SECRET@h.example/a.zip?X-Amz-Signature=SECRET",
        "s3://bucket/a.zip?sig=SECRET",
        "https:/h.example/a.zip?sig=SECRET",
        "h.example/a.zip?sig=SECRET",
        "file:https://h.example/a.zip?sig=SECRET",
    ],
)
def test_an_address_is_refused_and_not_repeated(command, address, capsys, monkeypatch):
    monkeypatch.setattr("scenes.commands.main.repair", lambda: None)  # of this checkout, before `own`
    with pytest.raises(SystemExit) as ended:
        main([part.format(address) for part in command])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (1, "")
    assert ("this is an address, not a path" in printed.err) != (command == ("{}",))
    assert "SECRET" not in printed.err


@pytest.mark.parametrize("source", ["env:NAME", "kaggle:a/b", "synthetic", "file:pets"])
def test_another_source_is_named_as_such(source, capsys):
    with pytest.raises(SystemExit):
        main(["look", source])
    assert f"the path: {source} is a `source` of a profile in params.yaml, not a path" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.zip?sig=1", "synthetic"])
def test_what_is_there_may_have_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert local_path(name) == name


@pytest.mark.parametrize(
    ("command", "option", "least"),
    [
        (("trials",), "--jobs", 1),
        (("trials",), "--seeds", 1),
        (("tune",), "--jobs", 1),
        (("tune",), "--trials", 0),
        (("predict", "a.jpg"), "--top-k", 1),
    ],
)
@pytest.mark.parametrize("number", ["-1", "1.5", "many", ""])
def test_a_number_that_cannot_be_is_refused(command, option, least, number, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, f"{option}={number}"])
    assert ended.value.code == 2
    assert f"'{number}' is not a whole number of at least {least}" in capsys.readouterr().err
