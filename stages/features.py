"""Compute the backbone's pooled features of every image, once: data/features/."""

from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.models import backbone, finetuning
from scenes.models.features import extract_features
from scenes.provenance import record
from stages import checked_stage, code_digest


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    network = backbone.load("data/weights", params.profile_settings.backbone_image_size)
    finetuning.load("data/finetuned", network)
    description = {
        **backbone.describe("data/weights"),
        "image_size": params.profile_settings.backbone_image_size,
        "test_time_flip": params.profile_settings.test_time_flip,
        "finetuned": finetuning.weights_hash("data/finetuned"),
    }
    with atomic_dir("data/features") as folder:
        extract_features(
            folder,
            backbone.feature_extractor(network, test_time_flip=params.profile_settings.test_time_flip),
            "data/records",
            batch_size=params.features.batch_size,
            description=description,
        )
        record.save(
            folder,
            inputs=["data/finetuned", "data/records", "data/weights"],
            params={
                "threads": params.threads,
                "features": to_dict(params.features),
                "profile.test_time_flip": params.profile_settings.test_time_flip,
                "profile.backbone_image_size": params.profile_settings.backbone_image_size,
            },
            code=code_digest("features"),
            finetuned=record.read("data/finetuned"),
            weights=backbone.describe("data/weights"),
        )


if __name__ == "__main__":
    with checked_stage("features"):
        main()
