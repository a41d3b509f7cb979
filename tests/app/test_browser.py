"""The app in a real browser, as a visitor uses it: what is uploaded, said, downloaded, and refused."""

import io
import json
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from scenes.dataset import corrections
from scenes.serving import photos
from tests.helpers import browser as chromium
from tests.helpers import hostile, server
from tests.helpers.browser import page, screenshot

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(request):
    """A clone with results: the tests' own, or FOLDER=<another one>, whose pictures are nicer."""
    chosen = os.environ.get("FOLDER")
    return Path(chosen).resolve() if chosen else request.getfixturevalue("pipeline").one


@pytest.fixture(scope="module")
def address(folder, tmp_path_factory):
    log = tmp_path_factory.mktemp("app") / "log"
    with server.running(folder, log) as found:
        yield found.address
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module", autouse=True)  # before the minutes that the pipeline takes: there may be none
def browser():
    with chromium.launched() as found:
        yield found


@pytest.fixture
def visit(browser, address):
    """A function that opens a page as a new visitor, who sees no error of the app's own, and asks no other host."""
    opened, asked = [], []

    def open_page(path="", **options):
        opened.append(
            page(browser, f"{address}/{path}", on_request=lambda request: asked.append(request.url), **options)
        )
        return opened[-1]

    yield open_page
    assert any(url.startswith(f"{address}/") for url in asked)
    assert not [url for url in asked if not url.startswith((f"{address}/", "data:", "blob:"))]
    for each in opened:
        assert each.get_by_test_id("stException").count() == 0
        assert each.evaluate("window.hacked") is None
        each.context.close()


@pytest.fixture(scope="module")
def pred(folder):
    """Bytes of the images without a label, by the key that data/predictions.csv has."""
    predictions = pd.read_csv(folder / "data/predictions.csv", index_col="key")
    predictions["unsure"] = predictions["unsure"].eq(True)  # empty where there is no threshold
    with zipfile.ZipFile(folder / "data/raw/archive.zip") as archive:
        return {key: (archive.read(key), row) for key, row in predictions.iterrows()}


def upload(page, *files):
    """Hand files, (name, bytes) each, to the uploader as a person's choice."""
    page.locator('input[type="file"]').set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in files]
    )


def settle(page) -> None:
    """Wait until the page's script has run to its end, so that nothing of an earlier answer is there any more."""
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState == 'notRunning'")


def answer(page, *, after: str = "") -> str:
    """What the first answer on the page says, once it is there in place of the one that ``after`` is the picture of."""
    chromium.seen(page, other_than=after).wait_for()
    settle(page)
    return page.get_by_role("heading", level=3).first.inner_text()


def first_example(page) -> str:
    """The picture of the example that is answered on the first visit."""
    answer(page)
    return chromium.seen(page).get_attribute("src")


def classes(folder):
    return json.loads((folder / "models/production/model.json").read_text())["classes"]


def test_a_photo_gets_the_answer_of_the_predict_stage(visit, pred):
    rows = [row for _, row in pred.values()]
    # The first that the model is sure of, and the first that it is not; in a run there may be but one of these.
    for unsure in {row["unsure"] for row in rows}:
        data, row = next((data, row) for data, row in pred.values() if row["unsure"] == unsure)
        opened = visit()
        example = first_example(opened)
        upload(opened, ("holiday.jpg", data))
        said = answer(opened, after=example)
        assert said.endswith(row["class"])
        assert ("Perhaps" in said) == unsure
        assert opened.get_by_text(re.compile(rf"^{percent(row['confidence'])} sure")).count() == 1
        likeliest = sorted((row[f"probability_{name}"], name) for name in classes_of(row))[::-1]
        for probability, name in likeliest[:2]:
            opened.get_by_text(re.compile(rf"^{name} · {percent(probability)}$")).first.wait_for()
        screenshot(opened, "photo-unsure" if unsure else "photo")


def percent(share) -> str:
    """How the app writes it, as a pattern."""
    return rf"{min(100 * share, 99.9):.1f}\s%".replace(".", r"\.")


def classes_of(row):
    return [name.removeprefix("probability_") for name in row.index if name.startswith("probability_")]


def test_what_is_pasted_is_answered(visit, pred):
    opened = visit()
    example = first_example(opened)
    data, row = list(pred.values())[1]
    opened.evaluate(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        list(data),
    )
    assert answer(opened, after=example).endswith(row["class"])


def test_a_picture_from_the_camera_is_answered(visit, folder):
    opened = visit()
    example = first_example(opened)
    opened.get_by_text("Camera", exact=True).click()
    opened.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    opened.get_by_role("button", name="Take Photo").click()
    assert answer(opened, after=example).rpartition(" ")[2].strip() in classes(folder)


def test_an_example_of_each_class_is_answered_by_two_models(visit, folder):
    opened = visit(dark=True, height=1300)  # all in view: a list that is open closes when the page is scrolled
    example = first_example(opened)
    upload(opened, ("no photo.jpg", b"no photo"))
    refused = opened.get_by_test_id("stAlert").filter(has_text="no photo.jpg")
    refused.wait_for()
    for name in classes(folder):
        opened.get_by_role("button", name=name, exact=True).wait_for()
    opened.get_by_role("button", name=classes(folder)[-1], exact=True).click()
    answer(opened, after=example)
    assert refused.count() == 0  # the file that was handed in is gone
    box = opened.get_by_role("combobox", name="Compare with another model")
    box.click()
    opened.get_by_role("option", name="CNN, trained from scratch").click()
    opened.locator(".st-key-answer-baseline").get_by_test_id("stImage").nth(1).wait_for()
    assert opened.get_by_test_id("stImage").filter(has_text="Where it saw that").count() == 2
    screenshot(opened, "two-models")


def test_many_photos_become_a_gallery_and_the_csv_of_the_stage(visit, pred, folder):
    opened = visit("batch")
    keys = list(pred)
    packed = io.BytesIO()
    # The texts of progress bars, as they come and go.
    opened.evaluate(
        """() => {
            window.progress = new Set();
            new MutationObserver(() => {
                for (const bar of document.querySelectorAll("[data-testid=stProgress]")) progress.add(bar.innerText);
            }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    with zipfile.ZipFile(packed, "w") as archive:
        for key in keys[3:]:
            archive.writestr(key, pred[key][0])
        archive.writestr("notes.txt", "no photo")
        archive.writestr("broken.jpg", pred[keys[0]][0][:200])
    upload(opened, *((key.rpartition("/")[2], pred[key][0]) for key in keys[:3]), ("more.zip", packed.getvalue()))
    opened.get_by_text(f"{len(keys)} photos").wait_for()
    opened.get_by_text("more.zip/broken.jpg: the image is damaged or cut short").wait_for()
    opened.get_by_text("1 skipped").wait_for()
    with opened.expect_download() as download:
        opened.get_by_test_id("stDownloadButton").get_by_role("button").click()
    found = pd.read_csv(download.value.path(), index_col="key")
    expected = pd.read_csv(folder / "data/predictions.csv", index_col="key")
    expected.index = [f"more.zip/{key}" if key in keys[3:] else key.rpartition("/")[2] for key in expected.index]
    scores = [f"presence_{name}" for name in classes(folder)]
    # Of logarithms, which magnify the rounding of small probabilities.
    np.testing.assert_allclose(found.loc[expected.index, scores], expected[scores], rtol=0, atol=1e-4)
    found, compared = found.drop(columns=scores), expected.drop(columns=scores)
    pd.testing.assert_frame_equal(found.loc[expected.index], compared, check_names=False, rtol=0, atol=1e-5)
    assert len(found) == len(keys)
    said = opened.evaluate("[...progress]")
    assert said and all(re.fullmatch(rf"\d+ of {len(keys) + 1} photos", text.strip()) for text in said)
    screenshot(opened, "batch")
    rarest = expected["class"].value_counts().index[-1]
    of_class = expected[expected["class"] == rarest]
    opened.get_by_role("radio", name=f"{rarest} · {len(of_class)}").click()
    tiles = opened.locator('[class*="st-key-tile-"]')
    expect(tiles).to_have_count(len(of_class))
    tiles.first.get_by_role("button").click()
    one = opened.get_by_test_id("stDialog")
    one.get_by_test_id("stImage").filter(has_text="Where it saw that").locator("img").wait_for()
    assert one.get_by_test_id("stCaptionContainer").first.inner_text() in of_class.index
    assert one.get_by_role("heading", level=3).inner_text().endswith(rarest)
    screenshot(opened, "batch-opened")
    opened.keyboard.press("Escape")
    opened.get_by_text(f"Unsure only · {expected['unsure'].eq(True).sum()}").click()
    expect(tiles).to_have_count(int(of_class["unsure"].eq(True).sum()))


def told_apart(name: str) -> str:
    """What of a name is sure to be seen as it is: the rest of some is written as codes."""
    return max(re.split(r"[^ -~]+", name), key=len)


def test_what_is_no_photo_gets_a_sentence(visit):
    """Of all that is not answered, what has the worst names; the next test hands in the others as well."""
    opened = visit()
    a_zip = ("photos.zip", b"PK\x03\x04", "upload it on the page Many photos")
    worst = [file for file in hostile.FILES if file.sentence and told_apart(file.name) != file.name]
    assert len(worst) == 2
    for name, data, sentence in (a_zip, *worst, *(file for file in hostile.FILES if file.name == hostile.MARKUP)):
        upload(opened, (name, data))
        alert = opened.get_by_test_id("stAlert").filter(has_text=told_apart(name))
        alert.wait_for()
        assert sentence in alert.inner_text()
        assert alert.locator("img, a, strong").count() == 0
        settle(opened)
        assert chromium.seen(opened).count() == 0


def test_each_hostile_file_gets_a_sentence_among_the_answers(visit, folder):
    opened = visit("batch")
    files = [*hostile.FILES, *hostile.ZIPS, hostile.SOUND_ZIP]
    upload(opened, *((file.name, file.data) for file in files))
    refused = [file for file in files if file.sentence]
    opened.get_by_text(f"{len(files) - len(refused)} photos", exact=True).wait_for()
    alert = opened.get_by_test_id("stAlert").filter(has_text="could not be used")
    first, *said = filter(None, alert.inner_text().splitlines())
    assert first == f"{len(refused)} could not be used:"
    assert len(said) == len(refused)
    for file, line in zip(refused, said, strict=True):
        assert photos.one_line(file.name) in line
        assert file.sentence in line
    assert alert.locator("img, a, strong").count() == 0
    with opened.expect_download() as download:
        opened.get_by_test_id("stDownloadButton").get_by_role("button").click()
    keys = list(pd.read_csv(download.value.path())["key"])
    answered = [photos.one_line(file.name) for file in hostile.FILES if not file.sentence]
    assert keys == [*answered, f"names.zip/{hostile.MEMBER}"]
    assert not list(folder.parent.rglob("escaped.jpg"))
    screenshot(opened, "hostile")


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(visit, tmp_path):
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(100_000_000)
    opened = visit()
    opened.locator('input[type="file"]').set_input_files(tmp_path / "huge.jpg")
    opened.get_by_text(re.compile("must be 50.0.?MB or smaller")).wait_for()


def test_what_is_known_of_the_model_is_what_was_measured(visit, folder):
    opened = visit("about")
    measured = json.loads((folder / "data/scores/baseline.json").read_text())
    opened.get_by_text(re.compile(percent(measured["accuracy"]))).first.wait_for()
    for tab in ("Reliability", "Training", "The data"):
        opened.get_by_role("tab", name=tab, exact=True).click()
        panel = opened.get_by_role("tabpanel").filter(visible=True).last
        panel.locator("img").first.wait_for()
        assert panel.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    screenshot(opened, "about")


def test_labels_are_answered_by_keys_and_downloaded(visit, folder):
    opened = visit("labels")
    listed = pd.read_csv(folder / "data/label_issues.csv", dtype=str)
    for row, key in zip(listed.itertuples(), ("1", "d", "k"), strict=False):
        opened.get_by_text(row.key, exact=True).wait_for()
        opened.get_by_role("button", name="Keep").wait_for()  # its code is loaded after the first picture is there
        screenshot(opened, "labels")
        opened.keyboard.press(key)
    opened.get_by_text(re.compile("3 of .* answered: 1 kept, 1 relabelled, 1 dropped")).wait_for()
    opened.keyboard.press("ArrowLeft")
    opened.get_by_text("answered: keep").wait_for()
    with opened.expect_download() as download:
        opened.get_by_test_id("stDownloadButton").get_by_role("button").click()
    found = corrections.parse(download.value.path()).set_index("path")["label"].to_dict()
    assert found == {listed["key"][0]: listed["suggested_label"][0], listed["key"][1]: "drop"}
    opened.reload()
    opened.get_by_text(re.compile("3 of .* answered: 1 kept, 1 relabelled, 1 dropped")).wait_for()
    opened.get_by_text(listed["key"][3], exact=True).wait_for()


WIDER = """() => [...document.querySelectorAll('[data-testid=stMainBlockContainer] *')]
    .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1).length"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1024, 768), (1920, 1080)])
def test_the_first_screen_says_what_the_app_is_and_shows_an_answer(visit, folder, width, height, dark):
    opened = visit(width=width, height=height, dark=dark)
    first_example(opened)
    in_view = [opened.get_by_role("button", name=name, exact=True) for name in classes(folder)]
    in_view += [opened.get_by_text(text) for text in ("What does a photo show?", "right on", "Upload or paste")]
    for element in in_view:
        box = element.bounding_box()
        assert box["y"] + box["height"] <= height
    photo = chromium.seen(opened).bounding_box()
    said = opened.get_by_role("heading", level=3).bounding_box()
    if width == 390:
        assert 0 < said["y"] - photo["y"] - photo["height"] < 100  # directly below, under the caption of the photo
    else:
        assert said["x"] > photo["x"] + photo["width"]
        assert photo["y"] <= said["y"] < photo["y"] + photo["height"]
        assert said["y"] + said["height"] <= height
    assert opened.evaluate(WIDER) == 0
    screenshot(opened, f"first-{width}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("path", ["batch", "about", "labels"])
def test_on_a_phone_the_other_pages_are_no_wider_than_the_screen(visit, path):
    opened = visit(path, width=390, height=844)
    opened.get_by_role("heading", level=1).wait_for()
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
