"""The benchmarks run, on the results in this folder, and print what they promise; how fast is theirs to say."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from scenes.commands.verify import environment
from tests.code_facts import ROOT
from tests.helpers import needed

NEEDED = ("data/records/index.json", "data/weights/frozen/backbone.json", "models/export/model.json")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all((ROOT / file).is_file() for file in NEEDED),
        reason="there are no results in this folder; run `make repro` or `dvc pull`",
    ),
]
MODELS = sorted(yaml.safe_load((ROOT / "params.yaml").read_text())["models"])
NUMBER = r"[\d,]+(\.\d+)?"
RATIO = r"\( *\d+\.\d+x\)"


def printed(tmp_path, script: str, *arguments) -> list[str]:
    """Return the lines that a benchmark prints, started from another folder."""
    done = subprocess.run(
        [sys.executable, ROOT / f"benchmarks/{script}.py", *map(str, arguments)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def assert_lines(found: list[str], *expected: str) -> None:
    """Each line is as its regular expression says, and there are no more."""
    assert len(found) == len(expected), found
    for line, pattern in zip(found, expected, strict=True):
        assert re.fullmatch(pattern, line), f"{line!r} is not {pattern!r}"


def test_reading_compares_each_reader_with_keras(tmp_path):
    found = printed(tmp_path, "reading", "--folder", ROOT / "data", "--epochs", 2, "--runs", 1)
    readers = [rf"{name} +{NUMBER}/s {RATIO} +{NUMBER}/s {RATIO} +-?{NUMBER} MB" for name in
               ("folder", "records", "new memory", "streamed")]  # fmt: skip
    assert_lines(found, rf"{NUMBER} images of \d+ px, batch 64, 1 runs in turn; medians", "reader .*memory", *readers)
    assert found[2].count("( 1.00x)") == 2  # it is held against itself


def test_training_compares_each_part_with_the_plain_script(tmp_path):
    """At sizes that take as little time as can be."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["profiles"][params["profile"]]["features"]["frozen"]["image_size"] = 32
    params["models"]["baseline"]["network"]["filters"] = [8, 16]
    params["models"]["transfer"]["C"] = [0.01]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    assert_lines(
        printed(tmp_path, "training", "--shards", 1, "--epochs", 1, "--params", tmp_path / "params.yaml"),
        rf"{NUMBER} images, \w+ at \d+ px",
        rf"transfer +plain {NUMBER} s for \d\.\d+ on validation, here {NUMBER} s for \d\.\d+: {NUMBER}x",
        rf"next fit +plain {NUMBER} s, here {NUMBER} s: {NUMBER}x",
        rf"CNN +plain {NUMBER} s per epoch, here {NUMBER} s: {NUMBER}x",
        rf"features +{NUMBER} of the bare backbone's {NUMBER} images/s",
    )


def test_memory_adds_up(tmp_path):
    found = printed(tmp_path, "memory", "--backbone", "EfficientNetV2B0", "--side", 64, "--batch-size", 32)
    assert re.fullmatch(rf"EfficientNetV2B0 at 64 px, batch 32, {NUMBER} of {NUMBER} million weights trained", found[0])
    *parts, whole = (float(re.match(r" *(\d+\.\d\d) GiB  \w", line)[1]) for line in found[1:])
    assert min(parts) > 0
    assert whole == pytest.approx(sum(parts), abs=0.005 * (len(parts) + 1))


def test_the_app_answers_visitors_as_the_pipeline_did(tmp_path):
    arguments = ("--visitors", 3, "--rounds", 2, "--starts", 1)
    browser = needed.find(*needed.CHROMIUM)
    if browser is None:
        arguments += ("--no-browser",)
    found = printed(tmp_path, "app", *arguments)
    if browser is not None:
        of_browser, found = found[:5], found[5:]
        assert_lines(
            of_browser,
            rf"first paint {NUMBER} s after the server answers, {NUMBER} s after its start",
            "3 visitors, 2 rounds: 6 of 6 answers equal to those of `predict`",
            rf"a round takes {NUMBER} s, {NUMBER} ms per visitor",
            rf"memory of the server after each round: {NUMBER}, {NUMBER} MB",
            rf"linear fit: [+-]{NUMBER} MB per round",
        )
    assert re.fullmatch(r"without a browser, \d+ threads:", found[0])
    timed = [line for line in found if "from bytes to answer" in line]
    assert all(re.fullmatch(rf".*, \d+ px: .* {NUMBER} ms, Grad-CAM {NUMBER} ms", line) for line in timed)
    assert [line.split(" ")[0].rstrip(",") for line in timed] == ["production", *MODELS, "EfficientNetV2B0"]


def test_serving_compares_each_format_with_keras(tmp_path):
    found = printed(tmp_path, "serving", "--root", ROOT, "--batch-sizes", 2, "--runs", 1)
    names = {"saved_model": ["SavedModel, files", "SavedModel, pixels"], "litert": ["LiteRT"], "onnx": ["ONNX Runtime"]}
    formats = list(json.loads((ROOT / "models/export/model.json").read_text())["formats"])
    timed = ["Keras, compiled call", "Keras, predict_on_batch", "Keras, files"]
    timed += [name for each in formats for name in names[each]]
    assert_lines(
        found,
        *(rf"{name} +{NUMBER} MB" for name in (*formats, "model.keras")),
        r"batch 2, images of \d+ px, \d+ threads, 1 turns",
        *(rf"{name} +{NUMBER} ms per image {RATIO}" for name in timed),
    )
