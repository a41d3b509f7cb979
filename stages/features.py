"""Compute a backbone's features of every image, once: ``python -m stages.features <set>``."""

import sys
from pathlib import Path

from scenes.backbones import backbone, finetuning
from scenes.backbones.features import extract_features
from scenes.common import unused
from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.provenance import record
from stages import checked_stage, code_digest

RECORDS = Path("data/records")
WEIGHTS = Path("data/weights")
FINETUNED = Path("data/finetuned")
FEATURES = Path("data/features")


def main(name: str) -> None:
    params = read()
    weights, finetuned, target = WEIGHTS / name, FINETUNED / name, FEATURES / name
    if unused.is_unused(weights):
        unused.mark(target)
        print(f"{name} is not enabled in this profile")
        return
    configure(seed=0, threads=params.threads)  # nothing here is random
    profile = params.profile_settings.features[name]
    image_size, levels, test_time_flip = profile.image_size, profile.levels, profile.test_time_flip
    network = backbone.load(weights, image_size, levels=levels)
    finetuning.load(finetuned, network)
    extractor = backbone.feature_extractor(network, test_time_flip=test_time_flip)
    described, changed = backbone.describe(weights), finetuning.weights_hash(finetuned) is not None
    settings = {"image_size": image_size, "levels": levels, "test_time_flip": test_time_flip}
    with atomic_dir(target) as folder:
        backbone.save(folder, network, {**described, **settings, "finetuned": changed})
        extract_features(folder, extractor, RECORDS, batch_size=params.features.batch_size)
        used = {f"profile.features.{name}.{key}": value for key, value in settings.items()}
        record.save(
            folder,
            inputs=[finetuned, RECORDS, weights],
            params={"threads": params.threads, "features": to_dict(params.features), **used},
            code=code_digest("features"),
            finetuned=record.read(finetuned),
            weights=described,
        )


if __name__ == "__main__":
    with checked_stage("features"):
        main(sys.argv[1])
