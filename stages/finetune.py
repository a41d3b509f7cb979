"""Fine-tune the backbone on the training images: data/finetuned/. With ``epochs: 0`` it is not changed."""

from scenes.common.files import atomic_dir
from scenes.common.watchdog import exit_with_dvc
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.models import backbone, finetuning
from scenes.provenance import record
from scenes.training import curves
from scenes.training.finetuning import fit_backbone
from scenes.training.run import training_run
from stages import checked_stage, code_digest


def main() -> None:
    exit_with_dvc()
    params = read()
    settings, own = params.finetune, params.profile_settings.finetune
    if own.epochs == 0:
        print("finetune.epochs is 0: the backbone is not changed")
        with atomic_dir("data/finetuned", "plots/finetune/training") as (folder, _):
            finetuning.save(folder, None)
            record.write(folder, {"params": {"profile.finetune.epochs": 0}})  # no code or data had an effect
        return

    image_size = params.profile_settings.backbone_image_size
    inputs, code = ["data/records", "data/weights"], code_digest("finetune")
    runtime = {"seed": params.seed, "threads": params.threads, "precision": params.precision, "xla": params.xla}
    used = {
        "finetune": to_dict(settings),
        "features.batch_size": params.features.batch_size,
        "profile.finetune": to_dict(own),
        "profile.backbone_image_size": image_size,
    }
    with training_run("finetune", inputs=inputs, settings=used, code=code, **runtime) as state:
        network = backbone.load("data/weights", image_size)
        train, val = (records.open_records("data/records", name) for name in ("train", "val"))
        options = {**to_dict(settings), **to_dict(own), "features_batch_size": params.features.batch_size}
        history = fit_backbone(network, train, val, seed=params.seed, state=state, **options)
        with atomic_dir("data/finetuned", "plots/finetune/training") as (folder, plots):
            finetuning.save(folder, network)
            record.save(
                folder,
                inputs=inputs,
                params={**runtime, **used},
                code=code,
                weights=backbone.describe("data/weights"),
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with checked_stage("finetune"):
        main()
