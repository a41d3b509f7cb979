"""Join images of two classes, with their features and the ground truth of drawn images: data/composites/."""

from scenes.archive.layout import Archive
from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.evaluation import composites
from scenes.models import backbone, finetuning
from scenes.models.features import compile_extractor, features_of
from scenes.synthetic import ground_truth
from stages import checked_stage

ARCHIVE = "data/raw/archive.zip"
RECORDS = "data/records"
WEIGHTS = "data/weights"
FINETUNED = "data/finetuned"
COMPOSITES = "data/composites"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random: a hash decides the pairs
    network = backbone.load(WEIGHTS, params.profile_settings.backbone_image_size)
    finetuning.load(FINETUNED, network)
    test_time_flip = params.profile_settings.test_time_flip
    extractor = compile_extractor(backbone.feature_extractor(network, test_time_flip=test_time_flip))
    with Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive, atomic_dir(COMPOSITES) as folder:
        # A folder for each kind of input, so that a model is scored again only if its own input has changed.
        for kind in ("records", "features"):
            (folder / kind).mkdir()
        for split, count in to_dict(params.composites).items():
            source = records.open_records(RECORDS, split)
            images = records.load(source)
            joined = composites.choose(images["key"], images["label"], source.classes, count=count, seed=params.seed)
            features = features_of(extractor, composites.images(joined, images), batch_size=params.features.batch_size)
            composites.save(folder / "records" / f"{split}.npz", joined)
            composites.save(folder / "features" / f"{split}.npz", joined, features)
        if len(source.classes) < composites.MIN_CLASSES:
            print("no composites: of two classes each would contain both")
        drawn = ground_truth.read(archive)
        contents = {} if drawn is None else dict(zip(drawn["path"], drawn["classes"], strict=True))
        composites.save_ground_truth(folder, {path: names for path, names in contents.items() if names})


if __name__ == "__main__":
    with checked_stage("composites"):
        main()
