"""Fine-tune the backbone of a feature set on the training images: ``python -m stages.finetune <set>``."""

import sys
from functools import partial
from pathlib import Path

from scenes.backbones import backbone, finetuning
from scenes.common import unused
from scenes.common.files import atomic_dir
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.provenance import record
from scenes.training import curves
from scenes.training.finetuning import fit_backbone
from scenes.training.run import training_run
from stages import checked_stage, code_digest

RECORDS = Path("data/records")
WEIGHTS = Path("data/weights")


def main(name: str) -> None:
    params = read()
    profile = params.profile_settings.features[name]
    block, code = f"profile.features.{name}", code_digest("finetune")
    weights, outputs = WEIGHTS / name, (Path("data/finetuned", name), Path("plots/finetune", name))
    if unused.is_unused(weights) or profile.finetune is None:
        with atomic_dir(*outputs) as (folder, plots):
            if unused.is_unused(weights):
                unused.mark(folder)
                print(f"{name} is not enabled in this profile")
            else:
                finetuning.save(folder, None)
                record.write(folder, {"params": {f"{block}.finetune": None}})  # no code or data had an effect
                print(f"{name} stays as it is: finetune is null")
            # dvc.yaml draws the curves of all sets in one chart.
            unused.write_header(plots / "curves.tsv", ["epoch", *curves.TABLES["curves"]], sep="\t")
        return
    runtime = {"seed": params.seed, "threads": params.threads, "precision": params.precision, "xla": params.xla}
    shared, extent, flip = to_dict(params.finetune), to_dict(profile.finetune), params.augmentation.flip
    image_size, levels, batch_size = profile.image_size, profile.levels, params.features.batch_size
    used = {"finetune": shared, "augmentation.flip": flip, "features.batch_size": batch_size}
    used |= {f"{block}.finetune": extent, f"{block}.image_size": image_size, f"{block}.levels": levels}
    inputs = [RECORDS, weights]
    with training_run(f"finetune@{name}", inputs=inputs, settings=used, code=code, **runtime) as state:
        network = backbone.load(weights, image_size, levels=levels)
        train, val = records.open_records(RECORDS, "train"), records.open_records(RECORDS, "val")
        options = {**shared, **extent, "flip": flip, "features_batch_size": batch_size, "seed": params.seed}
        fit_backbone(network, train, val, state=state, after_epoch=partial(curves.write, outputs[1]), **options)
        with atomic_dir(outputs[0]) as folder:
            finetuning.save(folder, network)
            described = backbone.describe(weights)
            record.save(folder, inputs=inputs, params={**runtime, **used}, code=code, weights=described)


if __name__ == "__main__":
    with checked_stage("finetune"):
        main(sys.argv[1])
