"""Fine-tune the backbone on the training images and compute its features anew: data/finetuned/."""

import shutil

from scenes import (
    backbone,
    cnn_batches,
    curves,
    embedder,
    embeddings,
    finetuning,
    head,
    head_batches,
    records,
    training,
)
from scenes.checksum import file_hash
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import Params, plain, read
from scenes.precision import use
from scenes.resume import resumable


def main() -> None:
    params = read()
    settings, own = params.finetune, params.active.finetune
    configure(seed=params.seed, threads=params.threads)
    use(params.precision)
    if own.epochs == 0:
        print("finetune.epochs is 0: the backbone stays as it is, and so do its features")
        with replacing("data/finetuned", "plots/finetune/training", folder=True) as (folder, plots):
            shutil.copytree("data/embeddings", folder, dirs_exist_ok=True)
            curves.write(plots, {})
        return

    image_size = params.active.backbone_image_size
    determining = {
        "finetune": [plain(settings), plain(own)],
        "image_size": image_size,
        "seed": params.seed,
        "threads": params.threads,
        "precision": params.precision,
        "xla": params.xla,
    }
    inputs = ["data/records", "data/weights", "data/embeddings"]
    with resumable("finetune", inputs=inputs, settings=determining) as state:
        network = backbone.load("data/weights", image_size)
        classifier = finetuning.classifier(backbone.embedding(network), linear_probe(params))
        finetuning.unfreeze(network, own.blocks)
        train = records.open_records("data/records", "train")
        history = training.run(
            classifier,
            lambda start: cnn_batches.training(
                train,
                batch_size=own.batch_size,
                epochs=own.epochs,
                seed=params.seed,
                memory_mb=settings.memory_mb,
                start=start,
                **plain(settings.augmentation),
            ),
            cnn_batches.validation(records.open_records("data/records", "val"), own.batch_size),
            count=train.count,
            epochs=own.epochs,
            batch_size=own.batch_size,
            gradient_accumulation=own.gradient_accumulation,
            xla=params.xla,
            state=state,
            **plain(settings.training),
        )
        with replacing("data/finetuned", "plots/finetune/training", folder=True) as (folder, plots):
            curves.write(plots, history)
            finetuning.save(folder / "finetuned.npz", network)
            origin = {
                **embeddings.origin("data/embeddings"),
                "finetuned": file_hash(folder / "finetuned.npz"),
            }
            embedder.write(
                folder,
                backbone.embedding(network, views=params.embed.views),
                "data/records",
                batch_size=params.embed.batch_size,
                origin=origin,
            )


def linear_probe(params: Params):
    """Return a linear classifier trained on the cached features."""
    settings = params.finetune
    train, val = embeddings.load("data/embeddings", "train"), embeddings.load("data/embeddings", "val")
    width, count = train.features.shape[1], len(train.label)
    probe = head.build(width, len(train.classes), units=None, dropout=settings.probe.dropout)
    head.standardise(probe, train.features)
    size, epochs = settings.probe.batch_size, settings.probe.epochs
    training.run(
        probe,
        lambda start: head_batches.training(train, batch_size=size, epochs=epochs, seed=params.seed, start=start),
        head_batches.validation(val),
        count=count,
        **{**plain(settings.training), **plain(settings.probe)},
    )
    return probe


if __name__ == "__main__":
    with one_sentence():
        main()
