"""`scenes look`: what is there, what will be done with it, and what that takes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.config.schema import check
from scenes.own import estimates, finetune, look, own_settings
from scenes.own.estimates import Machine, Workload
from scenes.own.own_settings import choose
from scenes.own.sample import Sample, look_at
from tests.code_facts import ROOT
from tests.helpers import own_archives
from tests.helpers.image_bytes import exif
from tests.helpers.pictures import encode, picture
from tests.helpers.stage import refusal

MACHINE = Machine(cores=2, threads=2)


def sample(*sizes: tuple[int, int]) -> Sample:
    pictures = {f"{number}.png": encode(picture(number, *size), "PNG") for number, size in enumerate(sizes)}
    return look_at(list(pictures), pictures.__getitem__, (KeyError,))


def looked(run, path: Path, folder: Path) -> list[str]:
    done = run(look.main, [str(path)])
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_lines(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finetune, "DEV", tmp_path / "no devices")
    said = looked(run, own_archives.write("train_valid_test", tmp_path), tmp_path)
    first, found, *notes, pictures, plan, title, baseline, transfer, finetuned, cost = said
    assert first.startswith(f"{tmp_path}/train_valid_test.zip: a zip, ")
    assert found == "train/ 24, valid/ 24, test/ 24; 2 classes (36 images each); nothing else"
    assert notes == []
    assert pictures == "pictures: JPEG, 48 x 48 pixels in the median of 72 looked at"
    assert plan.startswith("plan: train on about 24 pictures, choose by 24, test on 24; at 64 x 64 pixels, ")
    assert title == "models:"
    assert baseline == "- baseline, a CNN from scratch at 64 pixels for 40 epochs, to compare with: 1 minute"
    assert transfer.endswith("a frozen EfficientNetLite0, pretrained on ImageNet, at 160 pixels: 1 minute")
    assert finetuned.endswith("1 minute; not run, because there is no GPU; `make own` runs it with ARGS=--finetune")
    assert cost.startswith("cost: about ")


def test_what_the_archive_lacks_is_held_out(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = "\n".join(looked(run, own_archives.unpack("no_split", tmp_path), tmp_path))
    assert "train on about 17 pictures, choose by 2, test on 5;" in said


def test_in_a_checkout_the_layout_is_that_of_its_params(run, tmp_path, monkeypatch):
    path = own_archives.write("imagenet_flat", tmp_path)
    for name in ("dvc.yaml", "scenes"):
        (tmp_path / name).touch()
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert "set archive.layout.labels to" in refusal(run(look.main, [str(path)]))
    pattern = r"'name:_(?P<label>\w+)\.'"
    (tmp_path / "params.yaml").write_text(text.replace("labels:", f"labels: {pattern}"), encoding="utf-8")
    assert "2 classes (12 images each)" in looked(run, path, tmp_path)[1]


def test_web_pages_are_named_at_once(run, tmp_path):
    said = refusal(run(look.main, [str(own_archives.write("web_pages", tmp_path))]))
    assert "24 of 24 are web pages, e.g. 'train/cat/0.jpg'" in said


def test_formats_that_are_not_read_are_named_without_wrong_advice(run, tmp_path):
    for number in range(8):
        path = tmp_path / f"pets/{('cat', 'dog')[number % 2]}/{number}.jxl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\x0a%d" % number)
    said = refusal(run(look.main, [str(tmp_path / "pets")]))
    assert said.endswith("can be used: 8 images are JPEG XL, which is not read; save them as JPEG or PNG")
    assert "get them again" not in said
    (tmp_path / "pets/cat/1.jpg").write_bytes(encode(picture(1)))
    (tmp_path / "pets/cat/2.jpg").write_bytes(b"broken")
    pictures = next(line for line in looked(run, tmp_path / "pets", tmp_path) if line.startswith("pictures: "))
    assert "; 8 images are JPEG XL, which is not read; save them as JPEG or PNG; 1 cannot be read, e.g." in pictures


def test_the_options_elsewhere_are_those_of_a_fresh_checkout(tmp_path):
    params = check(ROOT / "params.yaml")
    assert look.options(tmp_path) == look.options(ROOT)
    assert look.options(ROOT).test_fraction == params.split.test_fraction


def test_sample_says_what_pillow_and_exif_say():
    files = {
        "a.jpg": encode(picture(1, 64, 32), exif=exif(6)),
        "b.png": encode(picture(2, 32, 96), "PNG"),
        "c.jpg": b"<!DOCTYPE html><html>",
        "d.jpg": encode(picture(3))[:50],
    }

    def read(name: str) -> bytes:
        if name == "e.jpg":
            raise KeyError(name)
        return files[name]

    seen = look_at([*files, "e.jpg"], read, (KeyError,))
    assert seen.sizes == [(32, 64), (32, 96)]
    assert seen.formats == {"JPEG": 1, "PNG": 1}
    assert (seen.turned, seen.short_side, seen.size) == (1, 32, (32, 80))
    assert (seen.web_pages, seen.unreadable) == (["c.jpg"], ["c.jpg", "d.jpg", "e.jpg"])
    assert seen.far_from_square == 0.5


def test_sample_is_spread_over_all_paths():
    read: list[str] = []
    paths = [f"{number:05}" for number in range(10_000)]

    def note(path: str) -> bytes:
        read.append(path)
        return b""

    look_at(paths, note, (KeyError,))
    assert len(read) == 300
    assert int(read[0]) < 50 and int(read[-1]) > 9_850


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), max_size=5),
    st.integers(0, 3_000_000),
)
def test_any_settings_are_valid_and_any_estimate_is_positive(sizes, images):
    headers = Sample(sizes, formats={}, turned=0, unreadable=[], web_pages=[], not_read={})
    settings = choose(headers, images)
    assert settings.backbone_image_size % 32 == 0
    assert 64 <= settings.cnn_image_size <= min(96, settings.image_size)
    assert settings.image_size <= 224
    assert 160 <= settings.backbone_image_size <= 224
    assert 6 <= settings.cnn_epochs <= 40
    work = Workload(images, images, headers.megapixels, 1000)
    assert estimates.run_seconds(work, settings, MACHINE) > 0
    assert estimates.disk_bytes(work, settings) > 0


def test_settings_suit_the_pictures():
    small, photos, wide = sample((28, 28)), sample((640, 480), (480, 640)), sample((900, 300), (300, 300))
    assert choose(small, 1000).image_size == 64
    assert choose(photos, 1000).image_size == 224
    assert choose(photos, 50_000).image_size == 160
    assert choose(photos, 500_000).image_size == 128
    square = choose(sample((150, 150), (150, 150), (200, 150)), 9000)
    assert (square.image_size, square.backbone_image_size) == (150, 160), "most records hold the files as they are"
    assert choose(sample((150, 150), (200, 150)), 9000).image_size == 160
    assert [choose(each, 1000).fit for each in (small, photos, wide)] == ["crop", "crop", "pad"]
    assert "50% are more than 2 times as long as wide" in own_settings.why_fit(wide)
    assert choose(photos, 100).cnn_epochs > choose(photos, 8000).cnn_epochs > choose(photos, 100_000).cnn_epochs


def test_estimates_grow_with_the_work_and_shrink_with_the_machine():
    settings = choose(sample((224, 224)), 5000)
    work = Workload(train=5000, images=6000, megapixels=0.05, bytes=10**8)

    def seconds(machine=MACHINE, **changes) -> float:
        return estimates.run_seconds(work._replace(**changes), settings, machine)

    assert all(seconds(**{field: 10 * getattr(work, field)}) > seconds() for field in work._fields)
    assert seconds(Machine(8, 8)) < seconds(Machine(8, 2)) < seconds() < seconds(Machine(1, 2))
    tuned = [estimates.finetune_seconds(work, settings, MACHINE, epochs=epochs) for epochs in (4, 8)]
    assert tuned[0] < tuned[1]
    whole = estimates.run_seconds(work, settings, MACHINE, finetune_epochs=4)
    assert whole == pytest.approx(seconds() + tuned[0])
    words = [estimates.in_words(seconds) for seconds in (20, 100, 600, 5000, 9000)]
    assert words == ["1 minute", "2 minutes", "10 minutes", "83 minutes", "2.5 hours"]


@pytest.mark.process
def test_it_is_fast_and_loads_no_tensorflow(tmp_path):
    """100,000 pictures in seconds; Python's own start and Pillow's are most of them."""
    data = encode(picture(1))
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "0.jpg").write_bytes(data)
        for number in range(1, 3000):
            (tmp_path / label / f"{number}.jpg").hardlink_to(tmp_path / label / "0.jpg")
    code = "import sys; from scenes.own import look; look.main(sys.argv[1:]); "
    code += "print(sorted({'tensorflow', 'keras', 'pandas', 'matplotlib', 'sklearn'} & {*sys.modules}))"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert "5,998" in done.stdout or "6,000 images" in done.stdout
    assert time.perf_counter() - start < 30
