"""Compute a backbone's features of the composites: ``python -m stages.composite_features <set>``."""

import sys
from pathlib import Path

from scenes.backbones import backbone
from scenes.backbones.features import compile_extractor, features_of
from scenes.common import unused
from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read
from scenes.dataset import records
from scenes.evaluation import composites
from stages import checked_stage

RECORDS = "data/records"
FEATURES = Path("data/features")
COMPOSITES = Path("data/composites")


def main(name: str) -> None:
    params = read()
    source, target = COMPOSITES / "records", COMPOSITES / "features" / name
    if unused.is_unused(FEATURES / name):
        unused.mark(target)
        print(f"{name} is not enabled in this profile")
        return
    configure(seed=0, threads=params.threads)  # nothing here is random
    extractor = compile_extractor(backbone.open_extractor(FEATURES / name))
    with atomic_dir(target) as folder:
        for split in composites.splits(source):
            joined, _ = composites.load(source, split)
            images = composites.images(joined, records.load(records.open_records(RECORDS, split)))
            features = features_of(extractor, images, batch_size=params.features.batch_size)
            composites.save(folder / f"{split}.npz", joined, features)


if __name__ == "__main__":
    with checked_stage("composite_features"):
        main(sys.argv[1])
