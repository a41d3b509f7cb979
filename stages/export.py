"""Write the production model for other programs, and hold each file against it: models/export/, metrics/export.json."""

import json

import numpy as np

from scenes import encoded_images, exports, images, production, provenance, records
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read

PRODUCTION = "models/production"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    network, description = production.load(PRODUCTION)
    made_from = provenance.read(PRODUCTION)
    formats = params.export.formats
    encoded = encoded_images.read(records.open_records("data/records", "test"), params.export.images)
    # By Pillow, so that a file which decodes images itself is held against another decoder than its own.
    pixels = np.stack([images.decode(data, max_pixels=params.archive.max_pixels).pixels for data in encoded])
    expected = exports.in_batches(network.predict_on_batch, pixels)
    metrics = {}
    with replacing("models/export", folder=True) as folder, replacing("metrics/export.json") as file:
        exports.save(folder, formats, network, description)
        for name in formats:
            # A SavedModel decodes the images itself.
            given = encoded if name == "saved_model" else pixels
            found = exports.in_batches(exports.load(folder, name, threads=params.threads), given)
            compared = exports.compare(name, found, expected, tolerance=params.export.tolerance[name])
            metrics[name] = {"bytes": exports.size(folder, name), **compared}
            print(exports.summary(name, metrics[name]))
        provenance.save(
            folder,
            origin=made_from,
            inputs=[PRODUCTION],
            params={
                "threads": params.threads,
                "archive.max_pixels": params.archive.max_pixels,
                "export": plain(params.export),
            },
            others=exports.WRITERS,
            production=made_from,
        )
        file.write_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with one_sentence():
        main()
