"""Train a model's second output, which says what a photo contains: ``python -m stages.multilabel <model>``."""

import sys
from pathlib import Path

from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.models import classifier_features, multilabel
from scenes.models.store import describe
from scenes.provenance import record
from scenes.training.multilabel import fit_all
from stages import checked_stage, code_digest


def main(name: str) -> None:
    params = read()
    configure(seed=params.seed, threads=params.threads)
    model = Path("models") / name
    train = classifier_features.load(model, "data", "train")
    settings, made_from = to_dict(params.multilabel), record.read(model)
    units = settings.pop("units")[describe(model)["kind"]]
    networks = fit_all(train, units=units, seed=params.seed, **settings)
    with atomic_dir(Path("models/multilabel") / name) as folder:
        multilabel.save(folder, networks)
        record.save(
            folder,
            origin=made_from,
            inputs=[Path("data") / describe(model)["input"], model],
            params={"seed": params.seed, "threads": params.threads, "multilabel": to_dict(params.multilabel)},
            code=code_digest("multilabel"),
            model=made_from,
        )


if __name__ == "__main__":
    with checked_stage("multilabel"):
        main(sys.argv[1])
