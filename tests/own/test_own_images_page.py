"""docs/own-images.md held against the code: its commands run, its messages are said, its parameters exist."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import reduce
from operator import getitem

import pytest

from scenes.commands.main import main
from scenes.common.errors import InputError
from scenes.config.params import parse_yaml
from scenes.models.temperature import MIN_IMAGES
from scenes.own import look, own_settings
from scenes.own.finetune import decide
from tests.code_facts import ROOT
from tests.helpers import own_archives
from tests.helpers.pictures import jpeg

PAGE = (ROOT / "docs/own-images.md").read_text(encoding="utf-8")
PARAMS = parse_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))
BLOCKS = re.findall(r"(<!-- not run: [^\n]+ -->\n)?```sh\n(.*?)```", PAGE, re.DOTALL)
MESSAGES = re.search(r"\| message \|.*?\n\n", PAGE, re.DOTALL)[0]
# By the archive that each is said of: these have numbers and names in them.
PRODUCED = [
    ("no_split", "there is no split: validation and test images are held out of the training images"),
    ("train_val", "there is no labelled test set: one is held out of the training images"),
    ("capital_splits", "there is no validation set: one is held out of the training images"),
    ("one_class_lacks_test", "the class 'owl' has no test images"),
    ("case_differs_between_splits", "classes that differ in case alone, 'Cat' and 'cat'"),
    ("multi_label", "images are in several classes"),
    ("images_and_csv", "the classes are taken from"),
    ("upload_litter", "48 .cfg files left out"),
    ("web_pages", "24 of 24 are web pages, e.g. 'train/cat/0.jpg'"),
    ("utf8_names_without_flag", "were read as UTF-8, which they are valid in"),
    ("gbk_names", "set archive.name_encoding to the encoding in which it reads right"),
]


def commands(*, run: bool) -> list[str]:
    return [line for mark, block in BLOCKS for line in block.splitlines() if run != bool(mark)]


def said(name: str, tmp_path) -> str:
    """Return the lines of `look` at a generated archive, or the sentence that refuses it."""
    try:
        return "\n".join(look.look(own_archives.write(name, tmp_path), look.options(), decide(False)).summary)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("command", commands(run=True))
def test_a_command_runs_as_written(command, capsys, tmp_path, monkeypatch, checkout_folder):
    for folder in ("flowers", "other-flowers"):
        for number, label in enumerate(("forest", "sea")):
            (tmp_path / "pictures" / folder / label).mkdir(parents=True)
            for index in range(6):
                path = tmp_path / "pictures" / folder / label / f"{index}.jpg"
                path.write_bytes(jpeg(10 * number + index))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(checkout_folder)
    python, option, module, *arguments = shlex.split(command)
    assert (python, option, module) == ("python", "-m", "scenes")
    assert main(arguments) == 0
    assert capsys.readouterr().out


def test_commands_that_are_not_run_exist():
    for command in commands(run=False):
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
        elif command.startswith("export "):
            assert command.split("=")[0].removeprefix("export ") == "SCENES_URL"
        elif command.startswith("dvc exp"):
            key = re.fullmatch(r"dvc exp run -S ([\w.]+)=\w+", command)[1]
            reduce(getitem, key.split("."), PARAMS)


def texts_of_the_code() -> Iterator[str]:
    """Yield the strings in scenes and stages but for docstrings; a line break is where a value goes."""
    for path in sorted([*(ROOT / "scenes").rglob("*.py"), *(ROOT / "stages").glob("*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "\n" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield node.value


def test_each_message_is_one_of_the_code():
    rows = [line.split("|")[1] for line in MESSAGES.splitlines()[2:] if line]
    stems = [stem for row in rows for stem in re.findall("`([^`]+)`", row)]
    produced = {message for _, message in PRODUCED}
    assert produced <= set(stems)
    texts = list(texts_of_the_code())
    assert [stem for stem in stems if stem not in produced and not any(stem in text for text in texts)] == []


@pytest.mark.parametrize(("name", "message"), PRODUCED)
def test_messages_are_said(name, message, tmp_path):
    assert f"| `{message}` |" in MESSAGES
    assert message in said(name, tmp_path)


def test_the_pattern_for_names_is_proposed(tmp_path):
    assert "set archive.layout.labels to 'name:" in said("imagenet_flat", tmp_path)


def test_the_example_begins_as_look_does(tmp_path):
    _, *lines = said("no_split", tmp_path).splitlines()
    for line in lines[:2]:
        assert f"\n    {line}\n" in PAGE
    plan = next(line for line in lines if line.startswith("plan: "))
    assert f"\n    {re.match('plan: .* test on 5; ', plan)[0]}...\n" in PAGE
    for model in ("baseline", "transfer", "finetuned"):
        said_of = next(line for line in lines if line.startswith(f"- {model}, "))
        assert f"\n    {re.match('- .*?, .*?(?= at| for|, pretrained)', said_of)[0]}" in PAGE


def test_parameters_exist():
    keys = set(re.findall(r"`((?:archive|split|augmentation|models|finetune|profiles)\.[\w.]+)", PAGE))
    assert len(keys) > 15
    for key in keys:
        reduce(getitem, key.split("."), PARAMS)


def test_numbers_are_those_of_the_code():
    assert f"fewer than {MIN_IMAGES} validation images" in PAGE.replace("\n", " ")
    (most, smallest), (many, small) = own_settings.MANY
    assert f"up to {small} from\n  {many:,} training images on and {smallest} from {most:,} on" in PAGE
    assert f"from {own_settings.SMALLEST} to {own_settings.LARGEST} pixels" in PAGE
    assert f"`image_size` of both feature sets is at least {own_settings.BACKBONE_SMALLEST}." in PAGE
    low, high = own_settings.CNN_EPOCHS
    assert f"It sees {own_settings.CNN_IMAGES:,} images" in PAGE
    assert f"in {low} to {high} epochs" in PAGE
