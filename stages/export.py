"""Write the production model for other programs, and hold each file against it: models/export/, metrics/export.json."""

import json

import numpy as np

from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.dataset import records, selected_images
from scenes.export import check
from scenes.images import decode
from scenes.models import store
from scenes.provenance import record
from stages import checked_stage, code_digest

PRODUCTION = "models/production"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    network, description = store.load_production(PRODUCTION)
    made_from = record.read(PRODUCTION)
    formats = params.export.formats
    encoded = selected_images.read_encoded(records.open_records("data/records", "test"), params.export.images)
    # By Pillow, so that a file which decodes images itself is held against another decoder than its own.
    pixels = np.stack([decode.decode(data, max_pixels=params.archive.max_pixels).pixels for data in encoded])
    expected = check.in_batches(network.predict_on_batch, pixels)
    metrics = {}
    with atomic_dir("models/export") as folder, atomic_write("metrics/export.json") as file:
        check.save(folder, formats, network, description)
        for name in formats:
            # A SavedModel decodes the images itself.
            given = encoded if name == "saved_model" else pixels
            found = check.in_batches(check.load(folder, name, threads=params.threads), given)
            compared = check.compare(name, found, expected, tolerance=params.export.tolerance[name])
            metrics[name] = {"bytes": check.size(folder, name), **compared}
            print(check.summary(name, metrics[name]))
        record.save(
            folder,
            origin=made_from,
            inputs=[PRODUCTION],
            params={
                "threads": params.threads,
                "archive.max_pixels": params.archive.max_pixels,
                "export": to_dict(params.export),
            },
            code=code_digest("export"),
            production=made_from,
        )
        file.write_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with checked_stage("export"):
        main()
