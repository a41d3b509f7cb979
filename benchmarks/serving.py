"""How long an image takes in each exported format, and how large each format is.

    python benchmarks/serving.py [--root .] [--batch-sizes 1 32] [--runs 7]

All formats take turns in one process, on the same test images, with the threads of params.yaml. It prints the median
milliseconds per image and the median ratio to Keras' compiled call, which is valid on a noisy machine.
`SavedModel, files` and `Keras, files` (Pillow, then the compiled call) decode and resize JPEGs of twice the model's
size, as photos are larger; the others get pixels.
"""

import argparse
import io
import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
REFERENCE = "Keras, compiled call"
PIXEL_FORMATS = {"litert": "LiteRT", "onnx": "ONNX Runtime"}


def contenders(folder: Path, formats: list[str], network, description: dict, params) -> dict:
    """Return what is timed, by name: whether it takes image files, and a function from a batch of inputs to arrays.

    Args:
        folder: contains the exports.
        formats: those in the folder.
        description: what model.json says of the model.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from scenes.export import check, saved_model
    from scenes.images import decode

    compiled = tf.function(lambda batch: network(batch, training=False))

    def call(pixels):
        return keras.tree.map_structure(lambda tensor: tensor.numpy(), compiled(tf.constant(pixels)))

    def prepare(data):
        pixels = decode.decode(data, max_pixels=params.archive.max_pixels).pixels
        return decode.fit(pixels, description["image_shape"][0], description["fit"])

    result = {
        REFERENCE: (False, call),
        "Keras, predict_on_batch": (False, network.predict_on_batch),
        "Keras, files": (True, lambda files: call(np.stack([prepare(data) for data in files]))),
    }
    for name in formats:
        predict = check.load(folder, name, threads=params.threads)
        if name == "saved_model":
            result["SavedModel, files"] = (True, predict)
            pixels = saved_model.load(folder / check.PATHS[name], saved_model.PIXELS)
            result["SavedModel, pixels"] = (False, pixels)
        else:
            result[PIXEL_FORMATS[name]] = (False, predict)
    return result


def photo(pixels) -> bytes:
    """Return uint8 (height, width, 3) at twice the size, as a JPEG."""
    from PIL import Image

    image, stream = Image.fromarray(pixels), io.BytesIO()
    image.resize((2 * image.width, 2 * image.height)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def measure(run, seconds: float = 0.2) -> float:
    """Return the mean seconds of a call of ``run``, repeated for at least ``seconds``."""
    calls, begin = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - begin < seconds:
        run()
        calls += 1
    return (time.perf_counter() - begin) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(), help="a clone with results (default: the current folder)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32], help="images per call (default: 1 32)")
    parser.add_argument("--runs", type=int, default=7, help="turns (default: 7)")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    folder = root / "models/export"
    if not (folder / "model.json").is_file():
        raise SystemExit(f"there is no models/export in {root}; run `dvc repro export` or `dvc pull` first")

    from scenes.config.params import read
    from scenes.process.runtime import configure

    params = read(root / "params.yaml")
    configure(seed=0, threads=params.threads)

    import numpy as np

    from scenes.dataset import records, selected_images
    from scenes.export import check
    from scenes.images import decode
    from scenes.models import store

    network, description = store.load_production(root / "models/production")
    formats = list(json.loads((folder / "model.json").read_text(encoding="utf-8"))["formats"])
    test = records.open_records(root / "data/records", "test")
    for name in formats:
        print(f"{name:<12} {check.size(folder, name) / 1e6:>7.2f} MB")
    print(f"{'model.keras':<12} {(root / 'models/production/model.keras').stat().st_size / 1e6:>7.2f} MB")
    for batch_size in arguments.batch_sizes:
        encoded = selected_images.read_encoded(test, batch_size)
        if len(encoded) < batch_size:
            raise SystemExit(f"there are only {len(encoded)} test images; choose a smaller batch")
        pixels = np.stack([decode.decode(data, max_pixels=params.archive.max_pixels).pixels for data in encoded])
        photos = [photo(image) for image in pixels]
        # Load again for each batch size: LiteRT allocates for one number of images.
        runs = {
            name: (lambda predict=predict, batch=photos if files else pixels: predict(batch))
            for name, (files, predict) in contenders(folder, formats, network, description, params).items()
        }
        for run in runs.values():
            run()
        seconds = {name: [] for name in runs}
        for _ in range(arguments.runs):
            for name, run in runs.items():
                seconds[name].append(measure(run))
        side = description["image_shape"][0]
        print(f"batch {batch_size}, images of {side} px, {params.threads} threads, {arguments.runs} turns")
        for name, times in seconds.items():
            milliseconds = 1000 * statistics.median(times) / batch_size
            ratio = statistics.median(own / keras for own, keras in zip(times, seconds[REFERENCE], strict=True))
            print(f"{name:<24} {milliseconds:>8.2f} ms per image ({ratio:>5.2f}x)")


if __name__ == "__main__":
    main()
