"""Join images of two classes, embed what comes out, and lay beside it what drawn images contain: data/composites/."""

from scenes.archive.layout import Archive
from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.evaluation import composites
from scenes.models import backbone, finetuning
from scenes.models import features as models_features
from scenes.synthetic import ground_truth
from stages import checked_stage


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here: the pairs hang on a hash
    network = backbone.load("data/weights", params.profile_settings.backbone_image_size)
    finetuning.load("data/finetuned", network)
    embed = models_features.compiled(
        backbone.feature_extractor(network, test_time_flip=params.profile_settings.test_time_flip)
    )
    limits = params.archive
    with (
        Archive("data/raw/archive.zip", to_dict(limits.layout), limits.max_member_bytes, limits.max_ratio) as archive,
        atomic_dir("data/composites") as folder,
    ):
        # A folder for each input that a model may have, so that a model is scored again only if its own have changed.
        for kind in ("records", "features"):
            (folder / kind).mkdir()
        for split, count in to_dict(params.composites).items():
            source = records.open_records("data/records", split)
            images = records.load(source)
            joined = composites.choose(images["key"], images["label"], source.classes, count=count, seed=params.seed)
            features = models_features.features_of(
                embed, composites.images(joined, images), batch_size=params.features.batch_size
            )
            composites.save(folder / "records" / f"{split}.npz", joined)
            composites.save(folder / "features" / f"{split}.npz", joined, features)
        answers = ground_truth.read(archive)
        drawn = {} if answers is None else dict(zip(answers["path"], answers["classes"], strict=True))
        composites.save_ground_truth(folder, {path: names for path, names in drawn.items() if names})


if __name__ == "__main__":
    with checked_stage("composites"):
        main()
