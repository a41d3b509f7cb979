"""What the app's pages say where there is no browser to ask: without a model, with a broken one, of strange names."""

import gc
import io
import json
import shutil
import time
import tomllib
import weakref
import zipfile
from concurrent.futures import Future

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from app import examples, models, words
from scenes.common.errors import InputError
from scenes.config.schema import check
from scenes.evaluation import abstention
from scenes.images import decode
from scenes.models.store import save_production, save_training_features
from scenes.serving import photos
from tests.code_facts import ROOT
from tests.helpers import hostile, reported, small_records, written_records
from tests.helpers.image_bytes import exif
from tests.helpers.pictures import encode, jpeg, picture
from tests.helpers.small_model import DESCRIPTION, small


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder in which the app looks for its models."""
    monkeypatch.setattr(models, "ROOT", tmp_path)
    monkeypatch.setattr(models, "_futures", {})
    monkeypatch.setattr(models, "_configure", lambda: None)  # TensorFlow is set up for all tests
    return tmp_path


@pytest.fixture(scope="module")
def production(tmp_path_factory, deterministic):
    """A folder with a model as the stage `select` leaves it."""
    folder = tmp_path_factory.mktemp("production")
    save_production(folder, small(0), DESCRIPTION)
    return folder


@pytest.mark.parametrize("page", ["photo", "batch"])
def test_without_a_model_it_says_how_to_get_one(elsewhere, page):
    found = AppTest.from_file(str(ROOT / f"app/{page}.py"), default_timeout=60).run()
    assert not found.exception
    (said,) = found.info
    assert "`dvc pull`" in said.value
    assert "`dvc repro`" in said.value


def test_without_results_the_page_about_the_model_says_so(elsewhere):
    found = AppTest.from_file(str(ROOT / "app/about.py"), default_timeout=60).run()
    assert not found.exception
    assert [said.value for said in found.info] == ["Nothing has been measured yet; run `dvc repro`."]


def test_the_page_about_the_model_has_every_model_that_was_trained(elsewhere, monkeypatch):
    monkeypatch.setattr(models, "params", lambda: check(ROOT / "params.yaml"))
    reported.folder(elsewhere)
    reported.write_json(elsewhere / "data/scores/finetuned.json", {})
    found = AppTest.from_file(str(ROOT / "app/about.py"), default_timeout=60).run()
    assert not found.exception
    table = found.table[0].value
    cnn, linear = (text.replace("\\", "") for text in table.index)
    assert cnn == "CNN, trained from scratch"
    assert linear == "EfficientNetLite0, pretrained on ImageNet, with a new last layer"
    measured = json.loads((elsewhere / "data/scores/transfer.json").read_text())
    assert table["accuracy"].iloc[1].startswith(words.percent(measured["accuracy"]))
    assert not found.info, "a picture is not where the page looks for it"


def test_a_broken_model_is_an_error_for_whoever_asks_until_it_is_mended(elsewhere, production):
    shutil.copytree(production, elsewhere / "models/production")
    whole = (elsewhere / "models/production/model.keras").read_bytes()
    (elsewhere / "models/production/model.keras").write_bytes(whole[: len(whole) // 2])
    assert models.available_models() == ["production"]
    for _ in range(2):
        with pytest.raises(InputError, match=r"model\.keras"):
            models.wait_for_model("production")
    (elsewhere / "models/production/model.keras").write_bytes(whole)
    served = models.wait_for_model("production")
    assert models.wait_for_model("production") is served
    assert served.classifier.classes


def test_a_model_that_is_replaced_is_answered_with_from_then_on(elsewhere, production):
    """As `dvc repro` and `dvc pull` do it while the app runs: what is there is removed, then the new one written."""
    folder = elsewhere / "models/production"
    shutil.copytree(production, folder)
    before = models.wait_for_model("production")
    assert models.wait_for_model("production") is before
    photo = before.classifier.prepare(np.zeros((9, 9, 3), np.uint8))
    shutil.rmtree(folder)
    assert models.available_models() == []
    with pytest.raises(InputError, match=r"model\.json is missing"):
        models.wait_for_model("production")
    shutil.copytree(production, folder)
    description = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(description | {"classes": description["classes"][::-1]}))
    after = models.wait_for_model("production")
    assert after.classifier.classes == before.classifier.classes[::-1]
    (old,), (new,) = before.predict([photo]), after.predict([photo])  # whoever still holds the old one gets its answer
    assert old.probabilities.tolist() == new.probabilities.tolist()
    gone = weakref.ref(before.classifier.network)
    del before
    gc.collect()
    deadline = time.monotonic() + 20
    while gone() is not None and time.monotonic() < deadline:
        time.sleep(0.1)
        gc.collect()
    assert gone() is None, "the model that was replaced is kept in memory"


def test_examples_need_a_model_that_can_be_loaded(elsewhere, production):
    shutil.copytree(production, elsewhere / "models/production")
    (elsewhere / "data").mkdir()
    small_records.write(elsewhere / "data/records", {"test": small_records.SPLITS["val"]})
    (elsewhere / "models/production/model.keras").write_bytes(b"no model")
    found = AppTest.from_file(str(ROOT / "app/navigation.py"), default_timeout=60).run()
    assert not found.exception
    (said,) = found.error
    assert "model.keras is damaged" in said.value.replace("\\", "")


@pytest.mark.parametrize(
    ("page", "file", "content"),
    [
        ("photo.py", "models/production/model.json", "{"),
        ("photo.py", "models/production/model.json", "{}"),
        ("batch.py", "data/validation_scores/transfer.json", "{"),
        ("about.py", "data/scores/production.json", "{"),
        ("about.py", "data/scores/production.json", "[1]"),
        ("about.py", "data/scores/transfer.json", '{"accuracy": 0.9}'),
        ("about.py", "data/validation_scores/transfer.json", "{"),  # read after the page
    ],
)
def test_a_damaged_file_is_a_sentence_on_the_page(elsewhere, page, file, content):
    (elsewhere / file).parent.mkdir(parents=True)
    (elsewhere / file).write_text(content)
    found = AppTest.from_file(str(ROOT / "app/navigation.py"), default_timeout=60).switch_page(page).run()
    assert not found.exception
    (said,) = found.error
    assert f"{elsewhere / file} is damaged" in said.value.replace("\\", "")


@pytest.fixture
def photo_page(elsewhere, production):
    """The page on which a photo is handed in, with a model; a function that does so and returns what is to be seen."""
    shutil.copytree(production, elsewhere / "models/production")
    page = AppTest.from_file(str(ROOT / "app/photo.py"), default_timeout=60).run()

    def uploaded(name: str, data: bytes) -> AppTest:
        page.file_uploader[0].set_value((name, data, "image/jpeg")).run()
        assert not page.exception
        return page

    return uploaded


def test_a_photo_is_answered_upright(photo_page):
    pixels = picture(1, 60, 40)
    answer = models.wait_for_model("production").classifier.predict([decode.fit(pixels, 32)])[0]
    best = DESCRIPTION["classes"][answer.probabilities.argmax()]
    turned = encode(np.rot90(pixels), "PNG", exif=exif(6))  # which says how to turn it back
    for data in (encode(pixels, "PNG"), turned):
        seen = photo_page("holiday.png", data)
        assert [said.value for said in seen.subheader] == [f":orange[:material/help:] Perhaps {best}"]
        confidence = words.percent(float(answer.probabilities.max()))
        assert f"**{confidence}** sure" in [said.value for said in seen.markdown]


def describe(folder, **changes) -> None:
    """Change what model.json says."""
    file = folder / "models/production/model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


# By its calibration, each photo contains all classes as likely as not, or none.
ALL, NONE = ({"presence": {"slope": [0.0] * 3, "intercept": [intercept] * 3}} for intercept in (0.0, -9.0))


@pytest.mark.parametrize(
    ("described", "drawn", "expected"),
    [
        (ALL | {"unsure_below": 0.0}, False, []),
        (ALL | {"unsure_below": 0.9}, False, ["Unsure"]),
        (ALL | {"unsure_below": None}, False, [f"This model is {abstention.NO_PROMISE}."]),
        (ALL | {"unsure_below": 0.0, "unlike_above": 0.0}, False, ["Unlike the images it learned from"]),
        (ALL | {"unsure_below": 0.0, "unlike_above": 0.0}, True, ["Unlike the images it learned from"]),
        (NONE | {"unsure_below": 0.0, "calibrated": False}, True, ["Not calibrated", "Unlike its classes"]),
    ],
)
def test_each_reason_to_doubt_is_one_line(elsewhere, photo_page, described, drawn, expected):
    describe(elsewhere, **described, drawn=drawn)
    save_training_features(elsewhere / "models/production", np.ones((2, 64), np.float16))
    seen = photo_page("holiday.png", encode(picture(1, 60, 40), "PNG"))
    remarks = [text.value.partition("] ")[2] for text in seen.caption if ":material/warning:" in text.value]
    assert len(remarks) == len(expected)
    assert all(remark.startswith(start) for remark, start in zip(remarks, expected, strict=True))
    assert [said.value for said in seen.warning] == ["Learned from drawings, not from photos."] * drawn
    mark = (
        ":gray[:material/draw:]"
        if drawn
        else ":orange[:material/help:]"
        if expected == ["Unsure"]
        else ":gray[:material/label:]"
        if expected
        else ":green[:material/check_circle:]"
    )
    assert seen.subheader[0].value.startswith(mark)


def test_each_class_that_a_photo_contains_has_a_probability(elsewhere, photo_page):
    """Those at least as likely as not; otherwise the likeliest, and that it is not for sure."""
    for described, count, least in ((ALL, len(DESCRIPTION["classes"]), 0.5), (NONE, 1, 0.0)):
        describe(elsewhere, **described)
        seen = photo_page("holiday.png", encode(picture(1, 60, 40), "PNG"))
        chips = [text.value for text in seen.markdown if "badge" in text.value]
        assert len(chips) == count
        model = models.wait_for_model("production").classifier
        probabilities = model.predict([model.prepare(picture(1, 60, 40))])[0].probabilities
        expected = sorted((max(least, float(each)) for each in probabilities), reverse=True)[:count]
        for chip, share in zip(chips, expected, strict=True):
            assert f" {words.percent(share)}" in chip
        assert any("None of its classes for sure" in text.value for text in seen.caption) == (described is NONE)


def test_a_photo_from_a_zip_opens_with_its_answer(elsewhere, production):
    shutil.copytree(production, elsewhere / "models/production")
    describe(elsewhere, presence={"slope": [1.0, 2.0, 0.5], "intercept": [-3.0, 0.0, 1.0]})
    pixels = picture(1, 60, 40)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("first.jpg", jpeg(2))
        archive.writestr("second.png", encode(pixels, "PNG"))
    page = AppTest.from_file(str(ROOT / "app/batch.py"), default_timeout=60).run()
    page.file_uploader[0].set_value([("many.zip", packed.getvalue(), "application/zip")]).run()
    assert not page.exception
    page.button(key="tile-1").click().run()
    assert not page.exception
    assert "many.zip/second.png" in [text.value.replace("\\", "") for text in page.caption]
    model = models.wait_for_model("production").classifier
    answer = model.predict([model.prepare(pixels)])[0]
    assert page.subheader[0].value.endswith(model.top(answer, 1)[0][0])
    table = pd.read_csv(io.StringIO(page.session_state["result"].csv), index_col="key")
    contained = dict(model.presence(answer))
    row = table.loc["many.zip/second.png"]
    assert [row[f"presence_{name}"] for name in contained] == pytest.approx(list(contained.values()), abs=1e-5)


@pytest.mark.parametrize("above", [0.0, None])
def test_the_gallery_marks_and_selects_what_is_unlike_the_training_images(elsewhere, production, above):
    shutil.copytree(production, elsewhere / "models/production")
    describe(elsewhere, unlike_above=above, unsure_below=None)
    save_training_features(elsewhere / "models/production", np.ones((2, 64), np.float16))
    page = AppTest.from_file(str(ROOT / "app/batch.py"), default_timeout=60).run()
    page.file_uploader[0].set_value([(f"{number}.jpg", jpeg(number), "image/jpeg") for number in range(2)]).run()
    assert not page.exception
    unlike = 0 if above is None else 2
    unsure_only, unlike_only = page.toggle
    labels = ("Unsure only · 0", f"Unlike the training images only · {unlike}")
    assert (unsure_only.label, unlike_only.label) == labels
    assert [":material/warning:" in page.button(key=f"tile-{number}").label for number in range(2)] == [unlike > 0] * 2
    unlike_only.set_value(True).run()
    assert len([button for button in page.button if "tile-" in button.key]) == unlike


def test_of_two_classes_it_does_not_say_what_else_is_in_the_photo(elsewhere, photo_page):
    upload = "holiday.png", encode(picture(1, 60, 40), "PNG")
    assert "**What is in it?**" in [text.value for text in photo_page(*upload).markdown]
    network = small(0)
    seen = network.get_layer("standardise").output
    probabilities = keras.layers.Dense(2, activation="softmax", name="probabilities")(seen)
    described = DESCRIPTION | {"classes": ["cat", "dog"], "presence": {"slope": [1.0] * 2, "intercept": [0.0] * 2}}
    save_production(elsewhere / "models/production", keras.Model(network.input, probabilities), described)
    assert "**What is in it?**" not in [text.value for text in photo_page(*upload).markdown]


def test_the_title_and_the_icon_are_those_of_the_profile(elsewhere, monkeypatch):
    page = {}
    params = check(ROOT / "params.yaml").model_copy(update={"profile": "own"})
    monkeypatch.setattr(models, "params", lambda: params)
    monkeypatch.setattr("streamlit.set_page_config", lambda **options: page.update(options))
    started = AppTest.from_file(str(ROOT / "app/navigation.py"), default_timeout=60).run()
    assert not started.exception
    assert page["page_title"] == params.profiles["own"].title
    assert page["page_icon"] == params.profiles["own"].icon


def test_each_class_has_an_example(elsewhere, production):
    names = [f"class {number:02d}" for number in range(30)]
    images = [(f"{name}/{number}.jpg", name) for number in range(3) for name in names]
    (elsewhere / "data/records").mkdir(parents=True)
    splits, settings = {"train": images[:1], "test": images}, {"image_size": 48, "seed": 1, "shard_size": 1000}
    written_records.write(elsewhere / "data/records", splits, lambda key: jpeg(1), classes=names, **settings)
    examples.load.cache_clear()
    assert [example.label for example in examples.load()] == names
    examples.load.cache_clear()


def test_models_that_are_alike_are_told_apart_by_name(elsewhere, monkeypatch):
    params = models.params()
    described = params.models | {"again": params.models["baseline"]}
    monkeypatch.setattr(models, "params", lambda: params.model_copy(update={"models": described}))
    assert models.in_words("again") == "CNN, trained from scratch (again)"


def test_what_is_no_photo_gets_a_sentence(photo_page):
    a_zip = ("photos.zip", b"PK\x03\x04", "upload it on the page *Many photos*")
    tiny = ("dot.png", encode(picture(1, 1, 1), "PNG"), "it has only 1 x 1 pixels, too few to tell")
    some = [file for file in hostile.FILES if file.name in ("empty.jpg", "pixels.png", hostile.MARKUP)]
    assert len(some) == 3
    for name, data, sentence in (a_zip, tiny, *some):
        seen = photo_page(name, data)
        (said,) = seen.error
        assert not seen.subheader
        assert said.value.startswith(f"{words.escape_markdown(photos.printable(name))}: ")
        assert sentence in said.value.replace("\\", "")


def test_whoever_waits_for_a_version_that_was_replaced_is_told(elsewhere):
    """The later one failed first, and nothing stands for the name any more."""
    waited_for = Future()
    models._load("nobody", waited_for)
    with pytest.raises(InputError, match="there is no model 'nobody'"):
        waited_for.result(timeout=0)
    assert models._futures == {}


def test_an_unknown_model_is_an_error(elsewhere):
    with pytest.raises(InputError, match="there is no model 'nobody'"):
        models.wait_for_model("nobody")


@given(st.text() | st.text("<>*_[]()`~:#!&;$\\ ab\n"))
def test_whatever_a_name_holds_markdown_shows_it_as_it_is(name):
    line = photos.printable(" ".join(name.split()))
    (paragraph,) = (
        block for block in MarkdownIt("commonmark").parse(f"x {words.escape_markdown(line)} x") if block.children
    )
    assert {part.type for part in paragraph.children} == {"text"}
    assert paragraph.children[0].content == f"x {line} x"


@given(st.floats(0, 1))
def test_no_model_is_said_to_be_quite_sure(share):
    assert words.percent(share) != "100.0\N{NO-BREAK SPACE}%"


def test_the_server_takes_no_larger_file_than_the_pipeline():
    server = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["server"]
    # Streamlit's MB have 1024 x 1024 bytes; what lies between the two is refused by scenes.serving.photos.
    assert 0 <= server["maxUploadSize"] * 2**20 - check(ROOT / "params.yaml").archive.max_member_bytes < 2**22
