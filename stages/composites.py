"""Join images of two classes, and write which classes drawn images contain: data/composites/."""

from scenes.archive.layout import Archive
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.evaluation import composites
from scenes.synthetic import ground_truth
from stages import checked_stage

ARCHIVE = "data/raw/archive.zip"
RECORDS = "data/records"
COMPOSITES = "data/composites/records"
GROUND_TRUTH = "data/composites/ground_truth.csv"


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # neither can change the result: a hash decides the pairs
    with (
        Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive,
        atomic_dir(COMPOSITES) as folder,
        atomic_write(GROUND_TRUTH) as truth,
    ):
        for split, count in to_dict(params.composites).items():
            source = records.open_records(RECORDS, split)
            images = records.load(source)
            joined = composites.choose(images["key"], images["label"], source.classes, count=count, seed=params.seed)
            composites.save(folder / f"{split}.npz", joined)
        if len(source.classes) < composites.MIN_CLASSES:
            print("no composites: of two classes each would contain both")
        drawn = ground_truth.read(archive)
        contents = {} if drawn is None else dict(zip(drawn["path"], drawn["classes"], strict=True))
        composites.save_ground_truth(truth, {path: names for path, names in contents.items() if names})


if __name__ == "__main__":
    with checked_stage("composites"):
        main()
