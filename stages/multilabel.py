"""Train a model's second output, the classes that a photo contains: ``python -m stages.multilabel <model>``."""

import sys
from pathlib import Path

from scenes.common import unused
from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.models import classifier_features, multilabel
from scenes.models.store import describe
from scenes.provenance import record
from scenes.training.multilabel import fit_all
from stages import checked_stage, code_digest

DATA = Path("data")
MODELS = Path("models")
MULTILABEL = Path("models/multilabel")


def main(name: str) -> None:
    params = read()
    model, target = MODELS / name, MULTILABEL / name
    if unused.is_unused(model):
        unused.mark(target)
        print(f"{name} is not enabled in this profile")
        return
    configure(seed=params.seed, threads=params.threads)
    description, made_from = describe(model), record.read(model)
    settings = to_dict(params.multilabel)
    units = settings.pop("units")[description["kind"]]
    train = classifier_features.load(model, DATA, "train")
    networks = fit_all(train, units=units, seed=params.seed, **settings)
    with atomic_dir(target) as folder:
        multilabel.save(folder, networks)
        record.save(
            folder,
            origin=made_from,
            inputs=[DATA / description["input"], model],
            params={"seed": params.seed, "threads": params.threads, "multilabel": to_dict(params.multilabel)},
            code=code_digest("multilabel"),
            model=made_from,
        )


if __name__ == "__main__":
    with checked_stage("multilabel"):
        main(sys.argv[1])
