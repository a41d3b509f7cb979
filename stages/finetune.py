"""Train the backbone further on the training images: data/finetuned/. With ``epochs: 0`` it stays as it is."""

from scenes.common.files import atomic_dir
from scenes.common.watchdog import exit_with_dvc
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.models import backbone, features, finetuning
from scenes.provenance import record
from scenes.training import batches, checkpoint, curves, fit, linear_probe
from scenes.training.run import training_run
from stages import checked_stage, code_digest


def main() -> None:
    exit_with_dvc()
    params = read()
    settings, own = params.finetune, params.profile_settings.finetune
    if own.epochs == 0:
        print("finetune.epochs is 0: the backbone stays as it is")
        with atomic_dir("data/finetuned", "plots/finetune/training") as (folder, _):
            finetuning.save(folder, None)
            record.write(folder, {"params": {"profile.finetune.epochs": 0}})  # neither code nor data did anything
        return

    image_size = params.profile_settings.backbone_image_size
    inputs, code = ["data/records", "data/weights"], code_digest("finetune")
    surroundings = {
        "seed": params.seed,
        "threads": params.threads,
        "precision": params.precision,
        "xla": params.xla,
    }
    read_besides = {
        "finetune": to_dict(settings),
        "features.batch_size": params.features.batch_size,
        "profile.finetune": to_dict(own),
        "profile.backbone_image_size": image_size,
    }
    with training_run("finetune", inputs=inputs, settings=read_besides, code=code, **surroundings) as state:
        network = backbone.load("data/weights", image_size)
        embedding = backbone.feature_extractor(network)
        train, val = (records.open_records("data/records", name) for name in ("train", "val"))
        head = linear_probe.build(network.output_shape[-1], len(train.classes))
        if checkpoint.load(state) is None:  # a state holds the head's weights too
            embed = features.compiled(embedding)
            frozen = features.compute(embed, train, batch_size=params.features.batch_size, desc="train")
            linear_probe.fit(head, frozen, C=settings.probe_C)
        finetuning.unfreeze(network, own.blocks)
        history = fit.run(
            finetuning.classifier(embedding, head),
            lambda start: batches.training_images(
                train,
                batch_size=own.batch_size,
                epochs=own.epochs,
                seed=params.seed,
                cache_mb=settings.cache_mb,
                start=start,
                **to_dict(settings.augmentation),
            ),
            batches.validation_images(val, own.batch_size),
            count=train.count,
            state=state,
            epochs=own.epochs,
            batch_size=own.batch_size,
            gradient_accumulation=own.gradient_accumulation,
            **to_dict(settings.training),
        )
        with atomic_dir("data/finetuned", "plots/finetune/training") as (folder, plots):
            finetuning.save(folder, network)
            record.save(
                folder,
                inputs=inputs,
                params={**surroundings, **read_besides},
                code=code,
                weights=backbone.describe("data/weights"),
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with checked_stage("finetune"):
        main()
