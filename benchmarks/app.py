"""The app under load: how soon it starts, how long an answer takes, and how twenty visitors at once are served.

    python benchmarks/app.py                    # the app of this folder; needs chromium
    python benchmarks/app.py --folder ../other  # of another clone with results
    python benchmarks/app.py --no-browser       # only the models

Each visitor is a page of a real browser with its own session. All of them upload a photo at once, several times, and
must get the class that the `predict` stage predicted. The times include the work of the browser on the same machine.
The models are also timed without a browser: the one in production, those of params.yaml, and EfficientNetV2B0 on photos
of 150 px at 224 px with test-time flip, as in profile intel but with random weights, which take the same time.
"""

import argparse
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scenes.commands import checkout  # noqa: E402
from scenes.evaluation import gradcam  # noqa: E402
from scenes.evaluation.presence import PresenceCalibration  # noqa: E402
from scenes.images import decode  # noqa: E402
from scenes.serving.batcher import Batcher  # noqa: E402
from scenes.serving.classifier import Classifier  # noqa: E402
from tests.helpers import browser, server  # noqa: E402

READY = "Drop a photo here"


def photos(folder: Path, count: int) -> list[tuple[bytes, str]]:
    """Return unlabelled images, each with the class that the `predict` stage predicted."""
    table = pd.read_csv(folder / "data/predictions.csv").head(count)
    with zipfile.ZipFile(folder / "data/raw/archive.zip") as archive:
        return [(archive.read(key), name) for key, name in zip(table["key"], table["class"], strict=True)]


def models(folder: Path, images: list[tuple[bytes, str]], visitors: int) -> None:
    """Print how long an answer of each model takes without a browser."""
    from scenes.config.params import read
    from scenes.process.runtime import configure

    params = read(folder / "params.yaml")
    configure(seed=0, threads=params.threads)
    print(f"without a browser, {params.threads} threads:")
    for name in checkout.available_models(folder):
        loaded = checkout.load(folder, name, unsure_below=params.select.unsure_below)
        title = f"{name} ({loaded.name})" if name == checkout.PRODUCTION else name
        model(title, loaded, images, visitors)
    model("EfficientNetV2B0, random", random_backbone(), images, visitors)


def random_backbone() -> Classifier:
    """Return a linear classifier on an EfficientNetV2B0, both of random weights, built like the model in production."""
    import keras

    from scenes.backbones import backbone
    from scenes.models import linear

    extractor = backbone.feature_extractor(backbone.build("EfficientNetV2B0", 224), test_time_flip=True)
    network = keras.Model(extractor.input, linear.build(extractor.output.shape[-1], 6)(extractor.output))
    presence = PresenceCalibration([1.0] * 6, [0.0] * 6)
    return Classifier("EfficientNetV2B0", network, tuple("abcdef"), 150, "crop", True, None, presence)


def model(name: str, loaded: Classifier, images: list[tuple[bytes, str]], visitors: int) -> None:
    """Print how long an answer takes."""
    maps = gradcam.compiled(loaded.network, (loaded.size, loaded.size, 3))

    def prepare(data: bytes) -> np.ndarray:
        return loaded.prepare(decode.decode(data, max_pixels=10**8).pixels)

    prepared = [prepare(data) for data, _ in images]
    batcher = Batcher(loaded.predict, 32)
    alone = _median(lambda: loaded.predict([prepare(images[0][0])]), 30)
    heat = _median(lambda: maps(prepared[0][None], [0]), 30)
    uploads = (prepared * visitors)[:visitors]
    with ThreadPoolExecutor(visitors) as pool:
        together = _median(lambda: list(pool.map(lambda photo: batcher([photo]), uploads)), 10)
    print(f"{name}, {loaded.size} px: a photo from bytes to answer {alone:.0f} ms, Grad-CAM {heat:.0f} ms")
    print(
        f"  {visitors} at once {together:.0f} ms, "
        f"{visitors * alone / together:.1f} times as many per second as one by one"
    )


def _median(work: Callable[[], object], runs: int) -> float:
    """Return milliseconds."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


@contextmanager
def started(folder: Path) -> Iterator:
    """Yield the app's address and process number."""
    with tempfile.TemporaryDirectory() as logs, server.running(folder, Path(logs) / "log") as app:
        yield app


def paint(chromium, folder: Path, runs: int) -> None:
    """Print how soon the app can be used, in a browser that is already running."""
    from_start, from_ready = [], []
    for _ in range(runs):
        start = time.perf_counter()
        with started(folder) as app:
            ready = time.perf_counter()
            page = browser.page(chromium, app.address)
            page.get_by_text(READY).wait_for()
            from_start.append(time.perf_counter() - start)
            from_ready.append(time.perf_counter() - ready)
            page.context.close()
    print(
        f"first paint {statistics.median(from_ready):.2f} s after the server answers, "
        f"{statistics.median(from_start):.2f} s after its start"
    )


def load(chromium, folder: Path, images: list[tuple[bytes, str]], visitors: int, rounds: int) -> None:
    """Print how visitors at once are served: how many correct answers, how fast, and the memory of the server."""
    with started(folder) as app:
        pages, process = [browser.page(chromium, app.address) for _ in range(visitors)], psutil.Process(app.pid)
        shown, times, memory, correct = [""] * visitors, [], [], 0
        for number in range(rounds):
            uploads = [images[(number + visitor) % len(images)] for visitor in range(visitors)]
            start = time.perf_counter()
            for page, (data, _) in zip(pages, uploads, strict=True):
                file = {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": data}
                page.locator('input[type="file"]').set_input_files([file])
            for visitor, (page, (_, name)) in enumerate(zip(pages, uploads, strict=True)):
                # Wait for another picture: until then, the page shows the answer to the previous photo.
                picture = browser.seen(page, other_than=shown[visitor])
                picture.wait_for()
                shown[visitor] = picture.get_attribute("src")
                correct += page.get_by_role("heading", level=3).first.inner_text().endswith(name)
            times.append(time.perf_counter() - start)
            memory.append(process.memory_info().rss / 1e6)
    seconds = statistics.median(times)
    print(f"{visitors} visitors, {rounds} rounds: {correct} of {visitors * rounds} answers equal to those of `predict`")
    print(f"a round takes {seconds:.1f} s, {1000 * seconds / visitors:.0f} ms per visitor")
    print(f"memory of the server after each round: {', '.join(f'{value:,.0f}' for value in memory)} MB")
    if rounds > 1:
        growth = np.polyfit(np.arange(rounds), memory, 1)[0]
        print(f"linear fit: {growth:+.1f} MB per round")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT, help="a clone with results (default: this one)")
    parser.add_argument("--visitors", type=int, default=20, help="at once (default: 20)")
    parser.add_argument("--rounds", type=int, default=6, help="photos that each visitor uploads (default: 6)")
    parser.add_argument("--starts", type=int, default=3, help="of the app, for the first paint (default: 3)")
    parser.add_argument("--no-browser", action="store_true", help="time only the models")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    images = photos(folder, arguments.visitors)
    if not arguments.no_browser:
        with browser.launched() as chromium:
            paint(chromium, folder, arguments.starts)
            load(chromium, folder, images, arguments.visitors, arguments.rounds)
    models(folder, images, arguments.visitors)


if __name__ == "__main__":
    main()
