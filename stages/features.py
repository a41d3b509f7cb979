"""Compute the backbone's features of every image, once: data/features/."""

from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.models import backbone, finetuning
from scenes.models.features import extract_features
from scenes.provenance import record
from stages import checked_stage, code_digest

RECORDS = "data/records"
WEIGHTS = "data/weights"
FINETUNED = "data/finetuned"
FEATURES = "data/features"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    image_size = params.profile_settings.backbone_image_size
    test_time_flip = params.profile_settings.test_time_flip
    network = backbone.load(WEIGHTS, image_size)
    finetuning.load(FINETUNED, network)
    extractor = backbone.feature_extractor(network, test_time_flip=test_time_flip)
    weights = backbone.describe(WEIGHTS)
    description = {
        **weights,
        "image_size": image_size,
        "test_time_flip": test_time_flip,
        "finetuned": finetuning.weights_hash(FINETUNED),
    }
    with atomic_dir(FEATURES) as folder:
        extract_features(folder, extractor, RECORDS, batch_size=params.features.batch_size, description=description)
        record.save(
            folder,
            inputs=[FINETUNED, RECORDS, WEIGHTS],
            params={
                "threads": params.threads,
                "features": to_dict(params.features),
                "profile.test_time_flip": test_time_flip,
                "profile.backbone_image_size": image_size,
            },
            code=code_digest("features"),
            finetuned=record.read(FINETUNED),
            weights=weights,
        )


if __name__ == "__main__":
    with checked_stage("features"):
        main()
