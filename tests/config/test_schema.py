"""params.yaml: what is wrong is named in one sentence, before anything starts."""

import copy
import runpy
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.config import schema
from scenes.config.schema import check
from tests.code_facts import ROOT

GOOD = yaml.safe_load((ROOT / "params.yaml").read_text())
FROZEN = "profiles.demo.features.frozen"


def changed(path: str, value):
    """A copy of params.yaml with one value set (or a key added), by dotted path."""
    values = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    node = values
    for part in parents:
        node = node[part]
    node[last] = value
    return values


def checked(values, folder):
    file = folder / "params.yaml"
    file.write_text(yaml.safe_dump(values))
    return check(file)


def test_the_committed_file_is_good():
    check(ROOT / "params.yaml")


@pytest.mark.parametrize("profile", GOOD["profiles"])
def test_each_profile_can_be_switched_to(profile, tmp_path):
    assert checked(changed("profile", profile), tmp_path).profile == profile


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("sead", 1, "`sead` is not a known key; did you mean `seed`?"),
        ("export.x", 1, "`export.x` is not a known key; use one of formats, images, tolerance"),
        (
            f"{FROZEN.rpartition('.')[0]}.sharp",
            GOOD["profiles"]["demo"]["features"]["frozen"],
            "features.sharp: 'sharp'",
        ),
        ("seed", "42", "`seed`: Input should be a valid integer"),
        ("seed", -1, "`seed`"),
        ("profile", "kaggle", "'kaggle' is not one of demo, intel"),
        ("split.val_fraction", 1.0, "`split.val_fraction`: Input should be less than 1"),
        ("profiles.demo.source", "ftp://x", "`profiles.demo.source`"),
        ("profiles.demo.source", "https://h/a.zip?sig=SECRET", "use env:SCENES_URL"),
        ("profiles.demo.source", ["synthetic", "https://h/a.zip?sig=SECRET"], "use env:SCENES_URL"),
        ("profiles.demo.source", None, "`profiles.demo.source`: Input should be a valid string, or a list of several"),
        ("profiles.demo.source", {"a": 1}, "`profiles.demo.source`: Input should be a valid string, or a list of"),
        ("profiles.demo.source", ["synthetic", 5], "`profiles.demo.source`, entry 2: Input should be a valid string"),
        ("profiles.demo.source", [], "`profiles.demo.source`: source: the list is empty; name one source at least"),
        ("profiles.demo.source", ["file:a", "file:a"], "source: entries 1 and 2 of the list are the same, file:a; "),
        ("profiles.demo.source", ["file:s/a", "env:B", "file:s/../s/a"], "entries 1 and 3 of the list are the same, "),
        ("profiles.demo.archive_bytes", [5, None], "archive_bytes: 2 for 1 source; make it a list with a value for"),
        ("profiles.demo.archive_bytes", [0], "`profiles.demo.archive_bytes`, entry 1: Input should be greater than 0"),
        ("profiles.demo.archive_bytes", {"a": 1}, "Input should be a valid integer, or a list of several"),
        ("profiles.demo.archive_bytes", 0, "`profiles.demo.archive_bytes`: Input should be greater than 0"),
        (
            "profiles.demo.archive_sha256",
            "0",
            "`profiles.demo.archive_sha256`: write the 64 lower-case hex digits",
        ),
        (
            "profiles.demo.archive_sha256",
            ["A" * 64],
            "`profiles.demo.archive_sha256`, entry 1: write the 64 ",
        ),
        ("profiles.intel.source", "synthetic", "source: synthetic needs the block `synthetic`"),
        (
            "feature_sets",
            ["frozen"],
            "profiles.demo.features.finetuned: 'finetuned' is not in `feature_sets`; use one of frozen",
        ),
        ("label_issues.features", "frozn", "'frozn' is not in `feature_sets`; did you mean `frozen`?"),
        (f"{FROZEN}.enabled", False, "label_issues.features: the set frozen is not enabled"),
        (f"{FROZEN}.weights", "noisy", f"`{FROZEN}.weights`: use imagenet, random or file:<path>"),
        (f"{FROZEN}.weights_sha256", "0" * 64, "weights_sha256 needs weights: file:<path>"),
        (f"{FROZEN}.backbone", "ResNet50", "there is no ResNet50; give one of"),
        (f"{FROZEN}.backbone", "EfficientNetLite0+ResNet50", "there is no ResNet50"),
        (f"{FROZEN}.scaling", "torch", "scaling is for backbones with a dotted name"),
        (f"{FROZEN}.levels", 1, f"`{FROZEN}.levels`"),
        (f"{FROZEN}.test_time_flip", 3, f"`{FROZEN}.test_time_flip`"),
        ("profiles.demo.features.finetuned.finetune.blocks", 0, "features.finetuned.finetune.blocks`"),
        ("models.transfer.input", "features/sharp", "is not in `feature_sets`; use one of frozen, finetuned"),
        ("models.transfer.C", [], "`models.transfer.C`"),
        ("models.baseline.input", "features", "`models.baseline.input`"),
        ("models.baseline.kind", "rnn", "`models.baseline`"),
        ("models.production", GOOD["models"]["baseline"], "models.production: the pipeline itself writes files"),
        ("select.metric", "top2_accuracy", "`select.metric`"),
        ("models.baseline.training.warmup_epochs", 99, "warmup_epochs (99) must be less than epochs"),
        ("models.baseline.training.schedule", "constant", "set warmup_epochs to 0"),
        ("models.baseline.training.early_stopping.monitor", "loss", "early_stopping.monitor"),
        ("precision", "float64", "`precision`: Input should be 'float32', 'mixed_bfloat16'"),
        ("xla", 1, "`xla`: Input should be a valid boolean"),
        ("finetune.probe_C", 0.0, "`finetune.probe_C`"),
        ("finetune.training.warmup_epochs", 4, "features.finetuned.finetune.epochs (4) must be more than"),
        ("label_issues.folds", 1, "`label_issues.folds`"),
        ("archive.layout", GOOD["archive"]["layout"] | {"train": "a", "test": "a"}, "need different names"),
        ("archive.layout.subject", "patient", "`archive.layout.subject`: use column:<name> or path:<regular"),
        ("archive.name_encoding", "klingon", "'klingon' is not an encoding of Python's"),
        ("profiles.own.fit", "stretch", "`profiles.own.fit`: Input should be 'crop', 'pad' or 'squash'"),
        ("profiles.own.cnn.epochs", 1, "(1) must be more than models.baseline.training.warmup_epochs (1)"),
        ("models", {}, "`models`"),
        (
            "export.formats",
            ["onnx", "openvino"],
            "`export.formats`, entry 2: Input should be 'saved_model',",
        ),
        ("export.formats", ["onnx", "onnx"], "`export.formats`: name each format only once"),
        ("export.tolerance", 0.0, "`export.tolerance`"),
        ("models.export", GOOD["models"]["baseline"], "models.export: the pipeline itself writes files"),
        (
            "profiles.demo.published",
            [{"model": "CNN", "accuracy": 0.9, "remark": ""}],
            "`profiles.demo.published`, entry 1, `accuracy`: Input should be a valid string",
        ),
    ],
)
def test_a_bad_value_is_named(path, value, sentence, tmp_path):
    with pytest.raises(InputError, match=r"params\.yaml: ") as caught:
        checked(changed(path, value), tmp_path)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "written", "pins"),
    [
        (["file:a", "env:B"], None, None),
        (["file:a", "env:B"], [None, "0" * 64], [None, "0" * 64]),
        (["file:a", "env:B"], ["", "0" * 64], [None, "0" * 64]),
        (["file:a"], "0" * 64, "0" * 64),
    ],
)
def test_there_may_be_several_sources_pinned_or_not(source, written, pins, tmp_path):
    path = tmp_path / "params.yaml"
    values = copy.deepcopy(GOOD)
    values["profiles"]["demo"] |= {"source": source, "archive_sha256": written}
    path.write_text(yaml.safe_dump(values))
    demo = check(path).profiles["demo"]
    assert (demo.source, demo.archive_sha256) == (source, pins)


def test_several_backbones_cannot_share_a_file(tmp_path):
    both = changed(f"{FROZEN}.backbone", "EfficientNetLite0+EfficientNetLite1")
    checked(both, tmp_path)
    both["profiles"]["demo"]["features"]["frozen"]["weights"] = "file:a.h5"
    with pytest.raises(InputError, match="is for one backbone"):
        checked(both, tmp_path)


def test_a_missing_key_is_named(tmp_path):
    values = copy.deepcopy(GOOD)
    del values["models"]["baseline"]["training"]["epochs"]
    with pytest.raises(InputError, match=r"`models.baseline.training.epochs` is missing"):
        checked(values, tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("source: https://h/?sig=SECRET: x", "mapping values are not allowed here in line 1, column 30"),
        ('source: "https://h/?sig=SECRET', "found unexpected end of stream in line 1, column 31"),
        ("[https://h/?sig=SECRET", "expected ',' or ']', but got '<stream end>' in line 1"),
        ("a: https://h/?sig=SECRET\na: SECRET", 'found duplicate key "a" in line 2, column 1'),
    ],
)
def test_a_line_that_is_not_yaml_is_not_repeated(text, sentence, tmp_path):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        check(tmp_path / "params.yaml")
    assert f"is not YAML: {sentence}" in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n", "{", "a: b: c", "\x00", "profile: [demo"])
def test_a_file_of_another_kind_is_refused(text, tmp_path):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError):
        check(tmp_path / "params.yaml")


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}))


@settings(max_examples=50)
@given(value=LEAVES, data=st.data())
def test_whatever_stands_at_whatever_key_it_is_good_or_one_sentence(value, data, tmp_path_factory):
    path, node = [], GOOD
    while isinstance(node, dict) and (not path or data.draw(st.booleans())):
        path.append(data.draw(st.sampled_from(sorted(node))))
        node = node[path[-1]]
    try:
        checked(changed(".".join(path), value), tmp_path_factory.mktemp("params"))
    except InputError as error:
        assert "\n" not in str(error)


def test_a_person_sees_one_line_and_status_1(tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(changed("sead", 1)))
    monkeypatch.setattr(sys, "argv", ["schema", str(tmp_path / "params.yaml")])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(schema.__file__, run_name="__main__")
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("error: ")
    assert "`sead` is not a known key" in said


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("seed", "sead"),
        ("models.baseline.training.learning_rate", "learning_rat"),
        ("models.baseline.kind", "knid"),
        ("profiles.demo.synthetic.faults.broken", "brokn"),
    ],
)
def test_a_misspelled_key_is_named_with_the_right_one(path, wrong, tmp_path):
    values = copy.deepcopy(GOOD)
    *parents, right = path.split(".")
    node = values
    for part in parents:
        node = node[part]
    node[wrong] = node.pop(right)
    with pytest.raises(InputError) as caught:
        checked(values, tmp_path)
    sentence = f"`{'.'.join([*parents, wrong])}` is not a known key; did you mean `{right}`?"
    assert str(caught.value) == f"{tmp_path / 'params.yaml'}: {sentence}"


def test_other_problems_are_counted(tmp_path):
    values = copy.deepcopy(GOOD)
    values["sead"] = values.pop("seed")
    values["threads"] = 0
    del values["xla"]
    with pytest.raises(InputError, match=r"did you mean `seed`\? \(and 2 more\)$"):
        checked(values, tmp_path)


def test_an_address_to_watch_is_not_repeated(tmp_path):
    with pytest.raises(InputError, match="`watch`: watch: this is an address, not a path") as caught:
        checked(changed("watch", "https://h.example/w?sig=SECRET"), tmp_path)
    assert "SECRET" not in str(caught.value)


def test_a_path_to_watch_must_exist(tmp_path):
    params = checked(GOOD, tmp_path)
    schema.check_watch(params)
    with pytest.raises(InputError, match="`watch`: nowhere does not exist; run `make own DATA=<path>`"):
        schema.check_watch(params.model_copy(update={"watch": "nowhere"}))
