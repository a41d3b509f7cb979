"""How long an image takes in each format that the stage `export` writes, and how large each is.

    python benchmarks/serving.py [--root .] [--batch-sizes 1 32] [--runs 7]

All in one process and by turns, on the same test images, with the threads of params.yaml: milliseconds an image
(medians) and the ratio to Keras' compiled call (median of the ratios of each turn), which holds on a noisy machine.
`SavedModel, files` includes decoding and fitting, `Keras, files` is Pillow and then the compiled call; the others get
pixels.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
REFERENCE = "Keras, compiled call"


def contenders(root: Path, network, threads: int) -> dict:
    """Return by name what is timed: whether it takes image files, and a function from a batch of inputs to arrays."""
    import keras
    import numpy as np
    import tensorflow as tf

    from scenes import exports, images, saved_model

    folder = root / "models/export"
    compiled = tf.function(lambda batch: network(batch, training=False))

    def call(pixels):
        return keras.tree.map_structure(lambda tensor: tensor.numpy(), compiled(tf.constant(pixels)))

    def from_files(files):
        return call(np.stack([images.decode(data, max_pixels=50_000_000).pixels for data in files]))

    found = {
        REFERENCE: (False, call),
        "Keras, predict_on_batch": (False, network.predict_on_batch),
        "Keras, files": (True, from_files),
    }
    for name in exports.PATHS:
        if not (folder / exports.PATHS[name]).exists():
            continue
        if name == "saved_model":
            found["SavedModel, files"] = (True, exports.load(folder, name, threads=threads))
            pixels = saved_model.load(folder / exports.PATHS[name], saved_model.PIXELS)
            found["SavedModel, pixels"] = (False, pixels)
        else:
            found[{"litert": "LiteRT", "onnx": "ONNX Runtime"}[name]] = (
                False,
                exports.load(folder, name, threads=threads),
            )
    return found


def measure(run, seconds: float = 0.2) -> float:
    """Return the seconds that ``run`` takes, the mean of as many calls as fit into some tenths of a second."""
    calls, begin = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - begin < seconds:
        run()
        calls += 1
    return (time.perf_counter() - begin) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(), help="holds data/ and models/ (default: here)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32], help="images a call (default: 1 32)")
    parser.add_argument("--runs", type=int, default=7, help="turns (default: 7)")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    if not (root / "models/export/model.json").is_file():
        raise SystemExit(f"there is no models/export in {root}; run `dvc repro export` or `dvc pull` first")
    os.chdir(ROOT)

    from scenes.determinism import configure
    from scenes.params import read

    threads = read().threads
    configure(seed=0, threads=threads)

    import numpy as np

    from scenes import encoded_images, exports, image_ops, production, records

    network, _ = production.load(root / "models/production")
    test = records.open_records(root / "data/records", "test")
    for name in exports.PATHS:
        if (root / "models/export" / exports.PATHS[name]).exists():
            print(f"{name:<12} {exports.size(root / 'models/export', name) / 1e6:>7.2f} MB")
    print(f"{'model.keras':<12} {(root / 'models/production/model.keras').stat().st_size / 1e6:>7.2f} MB")
    for batch_size in arguments.batch_sizes:
        encoded = encoded_images.read(test, batch_size)
        if len(encoded) < batch_size:
            raise SystemExit(f"there are {len(encoded)} test images; choose a smaller batch")
        pixels = np.stack([image_ops.decode(data).numpy() for data in encoded])
        # Anew for each batch size: LiteRT prepares itself for one number of images.
        runs = {
            name: (lambda predict=predict, batch=encoded if files else pixels: predict(batch))
            for name, (files, predict) in contenders(root, network, threads).items()
        }
        for run in runs.values():
            run()
        seconds = {name: [] for name in runs}
        for _ in range(arguments.runs):
            for name, run in runs.items():
                seconds[name].append(measure(run))
        print(f"batch {batch_size}, images of {test.image_shape[0]} px, {threads} threads, {arguments.runs} turns")
        for name, taken in seconds.items():
            milliseconds = 1000 * statistics.median(taken) / batch_size
            ratio = statistics.median(mine / keras for mine, keras in zip(taken, seconds[REFERENCE], strict=True))
            print(f"{name:<24} {milliseconds:>8.2f} ms an image ({ratio:>5.2f}x)")


if __name__ == "__main__":
    main()
