"""The app's server for half an hour: many visitors upload photos and leave; its memory stays as it was.

    LOAD_MINUTES=6 LOAD_UPLOADS=480 python -m pytest -m slow tests/app/test_load.py -s

Each visitor is a page of a real browser, which uploads some photos, sees the answers and is closed.
"""

import os
import time
from pathlib import Path
from statistics import median

import psutil
import pytest

from tests.code_facts import ROOT
from tests.helpers import browser as chromium
from tests.helpers import production_folder, server
from tests.helpers.pictures import encode, picture

MINUTES = float(os.environ.get("LOAD_MINUTES", "30"))
UPLOADS = int(os.environ.get("LOAD_UPLOADS", "2000"))
WARM = 2.5  # minutes in which caches fill, and visitors who have left and are still kept become as many as later
A_VISIT = 20  # photos
SIDE = 1000  # pixels; as BMP, a photo of this size has 3 MB

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(60 * MINUTES + 900)]


@pytest.fixture
def folder(tmp_path, deterministic):
    """A folder with a small model, in which the app can start."""
    for name in ("app", "scenes", "params.yaml", "dvc.yaml", ".streamlit"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "models/production").mkdir(parents=True)
    production_folder.save(tmp_path / "models/production")
    return tmp_path


def visit(browser, address: str, number: int, photos: Path) -> None:
    for place in range(A_VISIT):
        (photos / f"{place}.bmp").write_bytes(encode(picture(number * A_VISIT + place, SIDE, SIDE), "BMP"))
    page = chromium.page(browser, f"{address}/batch")
    page.locator('input[type="file"]').set_input_files(sorted(photos.iterdir()))
    page.get_by_text(f"{A_VISIT} photos", exact=True).wait_for()
    assert page.get_by_test_id("stException").count() == 0
    page.context.close()


def test_memory_is_flat_under_load(folder, tmp_path_factory):
    photos = tmp_path_factory.mktemp("photos")
    start, used = time.monotonic(), []
    with server.running(folder, folder / "log") as app, chromium.launched() as browser:
        for number in range(UPLOADS // A_VISIT):
            visit(browser, app.address, number, photos)
            minutes, megabytes = (time.monotonic() - start) / 60, psutil.Process(app.pid).memory_info().rss >> 20
            print(f"{minutes:5.1f} min {(number + 1) * A_VISIT:5} uploads {megabytes:6} MB")
            used += [megabytes] * (minutes > WARM)
            ahead = start + (number + 1) * A_VISIT * 60 * MINUTES / UPLOADS - time.monotonic()
            time.sleep(max(0.0, ahead))
    assert "Traceback" not in (folder / "log").read_text()
    half = len(used) // 2
    assert median(used[half:]) < 1.05 * median(used[:half])
