"""The app under visitors: how soon it is there, how long an answer takes, and what twenty at once get.

    python benchmarks/app.py                    # the app of this folder; needs chromium
    python benchmarks/app.py --folder ../other  # of another clone with results
    python benchmarks/app.py --no-browser       # only what the models take

Each visitor is a page of a real browser with a session of its own. All hand in a photo at once, several times, and must
get the class that the `predict` stage gave it; the browser's own work, on the same machine, is in the times of the
load. What each model takes is measured besides, without a browser: that in production, those of params.yaml, and
EfficientNetV2B0 on photos of 150 px seen at 224 px, two views of each, as on profile intel but for its weights, which
are random: they take no part in how long it takes.
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

from scenes.evaluation import gradcam
from scenes.images import decode  # noqa: E402
from scenes.serving import classifier
from scenes.serving.batcher import Batcher  # noqa: E402
from scenes.serving.classifier import Classifier  # noqa: E402
from tests.helpers import browser, server

FOUND = "Drop a photo here"


def photos(folder: Path, count: int) -> list[tuple[bytes, str]]:
    """Return images without a label and the class that `predict` gave each."""
    table = pd.read_csv(folder / "data/predictions.csv").head(count)
    with zipfile.ZipFile(folder / "data/raw/archive.zip") as archive:
        return [(archive.read(key), name) for key, name in zip(table["key"], table["class"], strict=True)]


def models(folder: Path, given: list[tuple[bytes, str]], visitors: int) -> None:
    """Print what an answer of each model takes without a browser."""
    from scenes.common.runtime import configure
    from scenes.config.params import read

    params = read(folder / "params.yaml")
    configure(seed=0, threads=params.threads)
    print(f"without a browser, {params.threads} threads:")
    for name in classifier.available_models(folder):
        found = classifier.load(folder, name, unsure_below=params.select.unsure_below)
        model(f"{name} ({found.name})" if name == classifier.PRODUCTION else name, found, given, visitors)
    model("EfficientNetV2B0, random", random_backbone(), given, visitors)


def random_backbone() -> Classifier:
    """Return a head on an EfficientNetV2B0 that has learned nothing, put together as the one in production is."""
    import keras

    from scenes.models import backbone, head

    embedding = backbone.feature_extractor(backbone.build("EfficientNetV2B0", 224), test_time_flip=True)
    seen = head.build(embedding.output.shape[-1], 6, units=256, dropout=0.4)(embedding.output)
    outputs = {"probabilities": seen, "presence": keras.ops.sigmoid(seen)}
    network = keras.Model(embedding.input, outputs)
    return Classifier("EfficientNetV2B0", network, tuple("abcdef"), 150, 0.0, 0.5)


def model(name: str, found: Classifier, given: list[tuple[bytes, str]], visitors: int) -> None:
    """Print what an answer takes."""
    maps = gradcam.compiled(found.network, (found.size, found.size, 3))

    def prepared(data: bytes):
        return found.prepare(decode.decode(data, max_pixels=10**8).pixels)

    ready = [prepared(data) for data, _ in given]
    batcher = Batcher(found.predict, 32)
    alone = _median(lambda: found.predict([prepared(given[0][0])]), 30)
    heat = _median(lambda: maps(ready[0][None], [0]), 30)
    with ThreadPoolExecutor(visitors) as pool:
        together = _median(lambda: list(pool.map(lambda photo: batcher([photo]), (ready * visitors)[:visitors])), 10)
    print(f"{name}, {found.size} px: a photo from bytes to answer {alone:.0f} ms, Grad-CAM {heat:.0f} ms")
    print(
        f"  {visitors} at once {together:.0f} ms, "
        f"{visitors * alone / together:.1f} times as many a second as one by one"
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
    """Print how soon there is something to use, in a browser that runs already."""
    from_start, from_ready = [], []
    for _ in range(runs):
        start = time.perf_counter()
        with started(folder) as app:
            ready = time.perf_counter()
            page = browser.page(chromium, app.address)
            page.get_by_text(FOUND).wait_for()
            from_start.append(time.perf_counter() - start)
            from_ready.append(time.perf_counter() - ready)
            page.context.close()
    print(
        f"first paint {statistics.median(from_ready):.2f} s after the server answers, "
        f"{statistics.median(from_start):.2f} s after its start"
    )


def load(chromium, folder: Path, given: list[tuple[bytes, str]], visitors: int, rounds: int) -> None:
    """Print what visitors at once get: how many right answers, how soon, and the memory of the server."""
    with started(folder) as app:
        pages, process = [browser.page(chromium, app.address) for _ in range(visitors)], psutil.Process(app.pid)
        seen, times, memory, right = [""] * visitors, [], [], 0
        for number in range(rounds):
            mine = [given[(number + visitor) % len(given)] for visitor in range(visitors)]
            start = time.perf_counter()
            for page, (data, _) in zip(pages, mine, strict=True):
                file = {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": data}
                page.locator('input[type="file"]').set_input_files([file])
            for visitor, (page, (_, name)) in enumerate(zip(pages, mine, strict=True)):
                # Another picture: this answer is to this photo, no longer to the last one.
                picture = browser.seen(page, other_than=seen[visitor])
                picture.wait_for()
                seen[visitor] = picture.get_attribute("src")
                right += page.get_by_role("heading", level=3).first.inner_text().endswith(name)
            times.append(time.perf_counter() - start)
            memory.append(process.memory_info().rss / 1e6)
    seconds = statistics.median(times)
    print(f"{visitors} visitors, {rounds} rounds: {right} of {visitors * rounds} answers as `predict` gave them")
    print(f"a round takes {seconds:.1f} s, {1000 * seconds / visitors:.0f} ms a visitor")
    print(f"memory of the server after each round: {', '.join(f'{each:,.0f}' for each in memory)} MB")
    if rounds > 1:
        growth = np.polyfit(np.arange(rounds), memory, 1)[0]
        print(f"by a straight line through these: {growth:+.1f} MB a round")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT, help="a clone with results (default: this one)")
    parser.add_argument("--visitors", type=int, default=20, help="at once (default: 20)")
    parser.add_argument("--rounds", type=int, default=6, help="photos that each hands in (default: 6)")
    parser.add_argument("--starts", type=int, default=3, help="of the app, for the first paint (default: 3)")
    parser.add_argument("--no-browser", action="store_true", help="only what the models take")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    given = photos(folder, arguments.visitors)
    if not arguments.no_browser:
        with browser.launched() as chromium:
            paint(chromium, folder, arguments.starts)
            load(chromium, folder, given, arguments.visitors, arguments.rounds)
    models(folder, given, arguments.visitors)


if __name__ == "__main__":
    main()
