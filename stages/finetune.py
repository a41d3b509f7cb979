"""Train the backbone further on the training images: data/finetuned/. With ``epochs: 0`` it stays as it is."""

from scenes import (
    backbone,
    checkpoint,
    cnn_batches,
    curves,
    embedder,
    finetuning,
    probe,
    provenance,
    records,
    training,
)
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.orphan import end_with_dvc
from scenes.params import plain, read
from scenes.session import training_session


def main() -> None:
    end_with_dvc()
    params = read()
    settings, own = params.finetune, params.active.finetune
    if own.epochs == 0:
        print("finetune.epochs is 0: the backbone stays as it is")
        with replacing("data/finetuned", "plots/finetune/training", folder=True) as (folder, _):
            finetuning.save(folder, None)
            provenance.write(folder, {"params": {"profile.finetune.epochs": 0}})  # neither code nor data did anything
        return

    image_size = params.active.backbone_image_size
    inputs = ["data/records", "data/weights"]
    surroundings = {
        "seed": params.seed,
        "threads": params.threads,
        "precision": params.precision,
        "xla": params.xla,
    }
    read_besides = {
        "finetune": plain(settings),
        "embed.batch_size": params.embed.batch_size,
        "profile.finetune": plain(own),
        "profile.backbone_image_size": image_size,
    }
    with training_session("finetune", inputs=inputs, settings=read_besides, **surroundings) as state:
        network = backbone.load("data/weights", image_size)
        embedding = backbone.embedding(network)
        train, val = (records.open_records("data/records", name) for name in ("train", "val"))
        head = probe.build(network.output_shape[-1], len(train.classes))
        if checkpoint.load(state) is None:  # a state holds the head's weights too
            embed = embedder.compiled(embedding)
            frozen = embedder.compute(embed, train, batch_size=params.embed.batch_size, desc="train")
            probe.fit(head, frozen, C=settings.probe_C)
        finetuning.unfreeze(network, own.blocks)
        history = training.run(
            finetuning.classifier(embedding, head),
            lambda start: cnn_batches.training(
                train,
                batch_size=own.batch_size,
                epochs=own.epochs,
                seed=params.seed,
                memory_mb=settings.memory_mb,
                start=start,
                **plain(settings.augmentation),
            ),
            cnn_batches.validation(val, own.batch_size),
            count=train.count,
            state=state,
            epochs=own.epochs,
            batch_size=own.batch_size,
            gradient_accumulation=own.gradient_accumulation,
            **plain(settings.training),
        )
        with replacing("data/finetuned", "plots/finetune/training", folder=True) as (folder, plots):
            finetuning.save(folder, network)
            provenance.save(
                folder,
                inputs=inputs,
                params={**surroundings, **read_besides},
                weights=backbone.describe("data/weights"),
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with one_sentence():
        main()
