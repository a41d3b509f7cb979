"""How fast images are read: this project's records compared with Keras' image_dataset_from_directory.

    make bench        # or: python benchmarks/reading.py [--folder data] [--epochs 3] [--batch-size 64]

All readers read the same images (the training split), decoded, shuffled and batched. They take turns in one run, so
that the ratios are valid on a noisy machine. It times the iteration over the batches, with warm disk caches. The
first epoch of the records includes decoding everything; later epochs come from memory. `streamed` is the records with a
memory limit of 0, as for a data set too large for memory. Peak memory is that of a separate process for each reader.

If a hypervisor reclaims the memory that a virtual machine frees (free page reporting), getting it back costs more than
half as much time as decoding into it. That is a property of the machine, not of the reader: each process first touches
and frees as much memory as the images need. `new memory` is the records without this.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READERS = ("folder", "records", "new memory", "streamed")


def unpack(records_folder: Path, target: Path, split: str = "train", shards: int | None = None) -> int:
    """Write the images of a split as <class>/<number>.<extension>, as Keras reads them.

    Args:
        shards: number of shards to use; None: all.

    Returns:
        The number of images.
    """
    import tensorflow as tf

    index = json.loads((records_folder / "index.json").read_text(encoding="utf-8"))
    for name in index["classes"]:
        (target / name).mkdir(parents=True)
    files = [str(records_folder / name) for name in index["splits"][split]["shards"][:shards]]
    for number, raw in enumerate(tf.data.TFRecordDataset(files).as_numpy_iterator()):
        feature = tf.train.Example.FromString(raw).features.feature
        data = feature["image/encoded"].bytes_list.value[0]
        folder = target / feature["image/class/text"].bytes_list.value[0].decode()
        extension = "png" if data.startswith(b"\x89PNG") else "jpg"
        (folder / f"{number}.{extension}").write_bytes(data)
    return number + 1


def epochs_of_folder(folder: Path, side: int, batch_size: int, epochs: int):
    """Yield one iterable of batches per epoch, from image_dataset_from_directory with its defaults."""
    import keras
    import tensorflow as tf

    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(side, side), batch_size=batch_size, label_mode="categorical", verbose=False
    ).prefetch(tf.data.AUTOTUNE)
    for _ in range(epochs):
        yield dataset


def epochs_of_records(folder: Path, batch_size: int, epochs: int, cache_mb: float):
    """Yield one iterable of batches per epoch, from the dataset that a training reads."""
    import itertools

    from scenes.dataset import records

    split = records.open_records(folder, "train")
    batches = iter(records.shuffled_batches(split, batch_size=batch_size, epochs=epochs, seed=1, cache_mb=cache_mb))
    for _ in range(epochs):
        yield itertools.islice(batches, -(-split.count // batch_size))


def child(arguments) -> None:
    """Time each epoch of one reader; print the images/s of each and the peak memory as JSON."""
    import resource
    import time

    from scenes.process.runtime import configure

    configure(seed=0, threads=2)
    import numpy as np
    import tensorflow as tf

    from scenes.dataset.records import open_records

    if arguments.child == "folder":
        epochs = epochs_of_folder(arguments.images, arguments.side, arguments.batch_size, arguments.epochs)
    else:
        cache_mb = 0 if arguments.child == "streamed" else 1e6
        epochs = epochs_of_records(arguments.folder / "records", arguments.batch_size, arguments.epochs, cache_mb)
    if arguments.child != "new memory":
        images = arguments.side**2 * 3 * open_records(arguments.folder / "records", "train").count
        np.ones(images, np.uint8)
    # Exclude TensorFlow's start-up, about 0.3 s at the first pipeline of a process.
    list(tf.data.Dataset.range(4).map(lambda number: number + 1, num_parallel_calls=2).batch(2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rates = []
    begin = time.perf_counter()
    for batches in epochs:
        count = sum(int(images.shape[0]) for images, _ in batches)
        now = time.perf_counter()
        rates.append(count / (now - begin))
        begin = now
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"rates": rates, "added_mb": (peak - before) / 1024}))


def measure(reader: str, arguments, images: Path) -> dict:
    command = [sys.executable, __file__, "--child", reader, "--images", images, "--folder", arguments.folder]
    command += ["--epochs", arguments.epochs, "--batch-size", arguments.batch_size, "--side", arguments.side]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("data"), help="contains records/ (default: data)")
    parser.add_argument("--epochs", type=int, default=3, help="epochs per run, at least 2 (default: 3)")
    parser.add_argument("--batch-size", type=int, default=64, help="images per batch (default: 64)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each reader, in turn (default: 3)")
    parser.add_argument("--child", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--images", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments)
    if arguments.epochs < 2:
        parser.error("--epochs: must be at least 2, because the first epoch is reported separately")

    arguments.folder = arguments.folder.resolve()
    index_file = arguments.folder / "records" / "index.json"
    if not index_file.is_file():
        raise SystemExit(f"there are no records in {arguments.folder}; run `make repro` first")
    index = json.loads(index_file.read_text(encoding="utf-8"))
    arguments.side, count = index["image_shape"][0], index["splits"]["train"]["count"]
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder)
        unpack(arguments.folder / "records", images)
        runs = {reader: [] for reader in READERS}
        for _ in range(arguments.runs):
            for reader in READERS:
                runs[reader].append(measure(reader, arguments, images))

    print(
        f"{count:,} images of {arguments.side} px, batch {arguments.batch_size}, {arguments.runs} runs in turn; medians"
    )
    print(f"{'reader':<10} {'first epoch':>22} {'later epochs':>22} {'memory':>9}")
    for reader in READERS:
        cells = []
        for pick in (lambda run: run["rates"][0], lambda run: statistics.median(run["rates"][1:])):
            rate = statistics.median(map(pick, runs[reader]))
            pairs = zip(runs[reader], runs["folder"], strict=True)
            ratio = statistics.median(pick(mine) / pick(keras) for mine, keras in pairs)
            cells.append(f"{rate:>9,.0f}/s ({ratio:>5.2f}x)")
        memory = statistics.median(run["added_mb"] for run in runs[reader])
        print(f"{reader:<10} {cells[0]:>22} {cells[1]:>22} {memory:>6,.0f} MB")
    return None


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
