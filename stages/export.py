"""Write the production model for other programs, and hold each file against it: models/export/, metrics/export.json."""

import json

import numpy as np

from scenes import encoded_images, exports, image_ops, production, records
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import read


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    network, description = production.load("models/production")
    formats = params.export.formats
    encoded = encoded_images.read(records.open_records("data/records", "test"), params.export.images)
    pixels = np.stack([image_ops.decode(data).numpy() for data in encoded])
    expected = exports.in_batches(network.predict_on_batch, pixels)
    metrics = {}
    with replacing("models/export", folder=True) as folder, replacing("metrics/export.json") as file:
        exports.save(folder, formats, network, description)
        for name in formats:
            # A SavedModel decodes the images itself.
            images = encoded if name == "saved_model" else pixels
            found = exports.in_batches(exports.load(folder, name, threads=params.threads), images)
            compared = exports.compare(name, found, expected, tolerance=params.export.tolerance[name])
            metrics[name] = {"bytes": exports.size(folder, name), **compared}
            print(exports.summary(name, metrics[name]))
        file.write_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with one_sentence():
        main()
