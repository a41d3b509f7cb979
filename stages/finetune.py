"""Fine-tune the backbone on the training images: data/finetuned/, plots/finetune/. With 0 epochs it is not changed."""

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

RECORDS = "data/records"
WEIGHTS = "data/weights"
FINETUNED = "data/finetuned"
CURVES = "plots/finetune/training"


def main() -> None:
    exit_with_dvc()
    params = read()
    if params.profile_settings.finetune.epochs == 0:
        print("finetune.epochs is 0: the backbone is not changed")
        with atomic_dir(FINETUNED, CURVES) as (folder, _):
            finetuning.save(folder, None)
            record.write(folder, {"params": {"profile.finetune.epochs": 0}})  # no code or data had an effect
        return

    image_size, code = params.profile_settings.backbone_image_size, code_digest("finetune")
    runtime = {"seed": params.seed, "threads": params.threads, "precision": params.precision, "xla": params.xla}
    settings = {
        "augmentation": to_dict(params.augmentation),
        "finetune": to_dict(params.finetune),
        "features.batch_size": params.features.batch_size,
        "profile.finetune": to_dict(params.profile_settings.finetune),
        "profile.backbone_image_size": image_size,
    }
    with training_run("finetune", inputs=[RECORDS, WEIGHTS], settings=settings, code=code, **runtime) as state:
        network = backbone.load(WEIGHTS, image_size)
        train, val = records.open_records(RECORDS, "train"), records.open_records(RECORDS, "val")
        options = {**settings["finetune"], **settings["profile.finetune"], "augmentation": settings["augmentation"]}
        batch_size = params.features.batch_size
        history = fit_backbone(
            network, train, val, seed=params.seed, state=state, features_batch_size=batch_size, **options
        )
        with atomic_dir(FINETUNED, CURVES) as (folder, plots):
            finetuning.save(folder, network)
            described, used = backbone.describe(WEIGHTS), {**runtime, **settings}
            record.save(folder, inputs=[RECORDS, WEIGHTS], params=used, code=code, weights=described)
            curves.write(plots, history)


if __name__ == "__main__":
    with checked_stage("finetune"):
        main()
