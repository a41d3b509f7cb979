"""The front: what it lists, what it passes on, and what it says where a command cannot run."""

import subprocess
import sys

import pytest

from scenes.commands.main import COMMANDS, main
from tests.code_facts import ROOT


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        status = main(list(arguments))
    except SystemExit as ended:
        status = ended.code
    return status, *capsys.readouterr()


def test_help_has_a_line_for_each_command(capsys):
    status, out, err = run(capsys, "--help")
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    for name, command in COMMANDS.items():
        assert lines[name].endswith(f"  {command.help}")
        assert len(lines[name]) <= 80


def test_without_a_command_it_lists_them_and_fails(capsys):
    status, out, err = run(capsys)
    assert (status, out) == (2, "")
    assert all(f"  {name} " in err for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_a_help_of_its_own(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: scenes {name} [-h]")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("pedict", "did you mean `scenes predict`?"), ("xyz", "`scenes --help` lists them")],
)
def test_a_command_that_there_is_not(name, hint, capsys):
    assert run(capsys, name, "--help") == (1, "", f"error: there is no command {name!r}; {hint}\n")


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not command.anywhere])
def test_a_command_that_needs_a_checkout_says_so(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence = f"`scenes {name}` needs a checkout of the project; run it in the folder that holds params.yaml"
    assert run(capsys, name) == (1, "", f"error: {sentence}\n")


def test_an_option_that_there_is_not(capsys):
    status, _, err = run(capsys, "--nonesuch")
    assert status == 2
    assert "unrecognized arguments: --nonesuch" in err


def test_check_names_what_is_wrong_in_a_file(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert "`watch`: data/README.md does not exist" in run(capsys, "check")[2]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/README.md").touch()
    assert run(capsys, "check") == (0, "params.yaml is valid\n", "")
    (tmp_path / "other.yaml").write_text(f"{text}\nprofil: 1\n", encoding="utf-8")
    said = "error: other.yaml: `profil` is not a known key; did you mean `profile`?\n"
    assert run(capsys, "check", "other.yaml") == (1, "", said)


def test_plots_page_writes_a_page(capsys, tmp_path):
    assert run(capsys, "plots-page", str(tmp_path / "page.html")) == (0, "", "")
    assert "{plot_divs}" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.process
def test_help_loads_none_of_the_libraries():
    """Which would take seconds."""
    code = "import sys; sys.argv = ['scenes', '--help']; import scenes.__main__ as m\ntry: m.main()\n"
    code += "except SystemExit: print(sorted({'numpy', 'pydantic', 'tensorflow', 'dvc'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
