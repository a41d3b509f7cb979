"""Train a model's second output, which says what a photo contains: ``python -m stages.contains <model>``."""

import sys
from pathlib import Path

from scenes import classifier_inputs, contains, contains_training, provenance
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.model_folder import describe
from scenes.params import plain, read


def main(name: str) -> None:
    params = read()
    configure(seed=params.seed, threads=params.threads)
    model = Path("models") / name
    train = classifier_inputs.load(model, "data", "train")
    settings, made_from = plain(params.contains), provenance.read(model)
    units = settings.pop("units")[describe(model)["kind"]]
    networks = contains_training.fit_all(
        train.features, train.label, len(train.classes), units=units, seed=params.seed, **settings
    )
    with replacing(Path("models/contains") / name, folder=True) as folder:
        contains.save(folder, networks)
        provenance.save(
            folder,
            origin=made_from,
            inputs=[Path("data") / describe(model)["input"], model],
            params={"seed": params.seed, "threads": params.threads, "contains": plain(params.contains)},
            model=made_from,
        )


if __name__ == "__main__":
    with one_sentence():
        main(sys.argv[1])
