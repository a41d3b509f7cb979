"""Export the production model for other programs and check each file: models/export/, data/scores/export.json."""

import numpy as np

from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import records, selected_images
from scenes.export import check
from scenes.images import decode
from scenes.models import store
from scenes.process.runtime import configure
from scenes.provenance import record
from stages import checked_stage, code_digest

RECORDS = "data/records"
PRODUCTION = "models/production"
EXPORT = "models/export"
SCORES = "data/scores/export.json"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    network, description = store.load_production(PRODUCTION)
    made_from = record.read(PRODUCTION)
    formats, max_pixels = params.export.formats, params.archive.max_pixels
    size, fit = description["image_shape"][0], description["fit"]

    def prepare(files: list[bytes]) -> np.ndarray:  # as records and app do, and not as the SavedModel does
        return np.stack([decode.fit(decode.decode(data, max_pixels=max_pixels).pixels, size, fit) for data in files])

    files = selected_images.read_encoded(records.open_records(RECORDS, "test"), params.export.images)
    files += check.photos(prepare(files))
    pixels = prepare(files)
    expected = check.in_batches(network.predict_on_batch, pixels)
    metrics = {}
    with atomic_dir(EXPORT) as folder, atomic_write(SCORES) as file:
        check.save(folder, formats, network, description)
        for name in formats:
            images = files if name == "saved_model" else pixels  # a SavedModel decodes the images itself
            tolerance, threads = params.export.tolerance, params.threads
            metrics[name] = check.measure(folder, name, images, expected, tolerance=tolerance, threads=threads)
            print(check.format_summary(name, metrics[name]))
        used = {"threads": params.threads, "archive.max_pixels": max_pixels, "export": to_dict(params.export)}
        code = code_digest("export")
        record.save(folder, origin=made_from, inputs=[PRODUCTION], params=used, code=code, production=made_from)
        write_json(file, metrics)


if __name__ == "__main__":
    with checked_stage("export"):
        main()
