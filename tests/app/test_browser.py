"""The app in a real browser, as a visitor uses it: what is uploaded, said, downloaded, and refused."""

import io
import json
import os
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest

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
    """A function that opens a page as a new visitor, who sees no error of the app's own at the end."""
    opened = []

    def open_page(path="", **options):
        opened.append(page(browser, f"{address}/{path}", **options))
        return opened[-1]

    yield open_page
    for each in opened:
        assert each.get_by_test_id("stException").count() == 0
        assert each.evaluate("window.hacked") is None
        each.context.close()


@pytest.fixture(scope="module")
def pred(folder):
    """Bytes of the images without a label, by the key that data/predictions.csv has."""
    predictions = pd.read_csv(folder / "data/predictions.csv", index_col="key")
    with zipfile.ZipFile(folder / "data/raw/archive.zip") as archive:
        return {key: (archive.read(key), row) for key, row in predictions.iterrows()}


def upload(page, *files):
    """Hand files, (name, bytes) each, to the uploader as a person's choice."""
    page.locator('input[type="file"]').set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in files]
    )


def heading(page) -> str:
    """What the first answer on the page says, once it is there."""
    page.get_by_text("Answered by").first.wait_for()
    return page.get_by_role("heading", level=3).first.inner_text()


def classes(folder):
    return json.loads((folder / "models/production/model.json").read_text())["classes"]


def test_a_photo_gets_the_answer_of_the_predict_stage(visit, pred):
    rows = [row for _, row in pred.values()]
    # The first that the model is sure of, and the first that it is not; in a run there may be but one of these.
    for unsure in {row["unsure"] for row in rows}:
        data, row = next((data, row) for data, row in pred.values() if row["unsure"] == unsure)
        opened = visit()
        upload(opened, ("holiday.jpg", data))
        said = heading(opened)
        assert said.endswith(row["class"])
        assert ("Unsure" in said) == unsure
        assert opened.get_by_text(re.compile(rf"onfidence,? {percent(row['confidence'])}")).count() == 1
        likeliest = sorted((row[f"probability_{name}"], name) for name in classes_of(row))[::-1]
        for probability, name in likeliest[:2]:
            opened.get_by_text(re.compile(rf"^{name} · {percent(probability)}$")).first.wait_for()
        opened.get_by_text("Where it saw that (Grad-CAM)").wait_for()
        screenshot(opened, "photo-unsure" if unsure else "photo")


def percent(share) -> str:
    """How the app writes it, as a pattern."""
    return rf"{min(100 * share, 99.9):.1f}\s%".replace(".", r"\.")


def classes_of(row):
    return [name.removeprefix("probability_") for name in row.index if name.startswith("probability_")]


def test_what_is_pasted_is_answered(visit, pred):
    opened = visit()
    opened.get_by_text("Drop a photo here").wait_for()
    data, row = list(pred.values())[1]
    opened.evaluate(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        list(data),
    )
    assert heading(opened).endswith(row["class"])


def test_a_picture_from_the_camera_is_answered(visit, folder):
    opened = visit()
    opened.get_by_text("Camera", exact=True).click()
    opened.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    opened.get_by_role("button", name="Take Photo").click()
    assert heading(opened).rpartition(" ")[2].strip() in classes(folder)


def test_examples_are_test_images_and_models_stand_side_by_side(visit, folder):
    opened = visit(dark=True, height=1100)  # all in view: a list that is open closes when the page is scrolled
    opened.get_by_text("Examples", exact=True).click()
    heading(opened)
    first, last = chromium.seen(opened).get_attribute("src"), 2 * len(classes(folder)) - 1
    opened.locator(f".st-key-example-{last} button").click()
    opened.locator(f'.st-key-example-{last} button[kind="primary"]').wait_for()
    chromium.seen(opened, other_than=first).wait_for()
    heading(opened)
    screenshot(opened, "examples-dark")
    # Until the script has run to its end: then no list closes because the page is drawn again.
    opened.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState == 'notRunning'")
    opened.get_by_text("Models", exact=True).click()
    opened.wait_for_timeout(1500)  # it unfolds; a list that is opened meanwhile closes again
    chosen = json.loads((folder / "models/production/model.json").read_text())["model"]
    other = next(name for name in measured(folder) if name != chosen)
    choose(opened, "Compare with", other)
    opened.locator(f".st-key-answer-{other}").get_by_text(f"Answered by {other}").wait_for()
    for name in ("production", other):
        opened.locator(f".st-key-answer-{name}").get_by_text("Where it saw that (Grad-CAM)").wait_for()
    screenshot(opened, "two-models")
    choose(opened, "Model", chosen)  # the same as in production, by its own name
    opened.locator(f".st-key-answer-{chosen}").get_by_text(f"Answered by {chosen}").wait_for()
    opened.locator(".st-key-answer-production").wait_for(state="detached")


def measured(folder):
    """The models of params.yaml that have scores."""
    return [name for name in ("baseline", "transfer") if (folder / f"metrics/{name}.json").is_file()]


def choose(page, label, option):
    """Choose from a list as a person at the keyboard does."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.click()
    page.get_by_role("option", name=option, exact=True).wait_for()
    box.fill(option)
    box.press("Enter")


def test_many_photos_become_a_table_and_the_csv_of_the_stage(visit, pred, folder):
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
    pd.testing.assert_frame_equal(found.loc[expected.index], expected, check_names=False, rtol=0, atol=1e-5)
    assert len(found) == len(keys)
    said = opened.evaluate("[...progress]")
    assert said and all(re.fullmatch(rf"\d+ of {len(keys) + 1} photos", text.strip()) for text in said)
    opened.get_by_test_id("stDataFrame").locator("canvas").first.wait_for()
    # The thumbnails, in the table's first column: far more colours than text has.
    colours = """() => {
        const canvas = document.querySelector("[data-testid=stDataFrame] canvas");
        const scale = canvas.width / canvas.getBoundingClientRect().width;
        const data = canvas.getContext("2d").getImageData(0, 40 * scale, 80 * scale, 200 * scale).data;
        return new Set(new Uint32Array(data.buffer)).size > 500;
    }"""
    opened.wait_for_function(colours)
    screenshot(opened, "batch")


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
        assert opened.get_by_text("Answered by").count() == 0


def test_each_hostile_file_gets_a_sentence_among_the_answers(visit, folder):
    opened = visit("batch")
    files = [*hostile.FILES, *hostile.ZIPS, hostile.SOUND_ZIP]
    upload(opened, *((file.name, file.data) for file in files))
    refused = [file for file in files if file.sentence]
    opened.get_by_text(f"{len(files) - len(refused)} photos; the model").wait_for()
    alert = opened.get_by_test_id("stAlert")
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
    measured = json.loads((folder / "metrics/baseline.json").read_text())
    opened.get_by_text(re.compile(percent(measured["accuracy"]))).first.wait_for()
    for tab in ("Reliability", "Training", "Label issues", "The data"):
        opened.get_by_role("tab", name=tab, exact=True).click()
        panel = opened.get_by_role("tabpanel").filter(visible=True).last
        panel.locator("img").first.wait_for()
        assert panel.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    screenshot(opened, "about")


def test_on_a_phone_nothing_is_wider_than_the_screen(visit, pred):
    opened = visit(width=390, height=844, dark=True)
    upload(opened, ("holiday.jpg", next(iter(pred.values()))[0]))
    heading(opened)
    wide = """() => [...document.querySelectorAll('[data-testid=stMainBlockContainer] *')]
        .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1).length"""
    assert opened.evaluate(wide) == 0
    opened.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 430)")
    screenshot(opened, "phone-dark")
    for path in ("batch", "about"):
        other = visit(path, width=390, height=844)
        other.get_by_role("heading", level=1).wait_for()
        assert other.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
