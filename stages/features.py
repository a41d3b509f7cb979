"""Compute a backbone's features of every image, once: ``python -m stages.features <set>``."""

import sys
from functools import partial
from pathlib import Path

from scenes.backbones import backbone, extraction, finetuning
from scenes.common import unused
from scenes.config.params import read, to_dict
from scenes.executors import executor, reuse
from scenes.provenance import record
from scenes.training.state_key import state_key
from stages import checked_stage, code_digest

RECORDS = Path("data/records")
WEIGHTS = Path("data/weights")
FINETUNED = Path("data/finetuned")
FEATURES = Path("data/features")
KEYS = Path("data/keys/features")  # not in the folder, because they change with the code
KEPT = Path(".resume")  # of a killed stage


def main(name: str) -> None:
    params = read()
    weights, finetuned = WEIGHTS / name, FINETUNED / name
    target, keys_file = FEATURES / name, KEYS / f"{name}.json"
    if unused.is_unused(weights):
        with reuse.renewed(target, keys_file, {}) as folder:
            unused.write_header(folder / unused.MARK, ["unused"])
        print(f"{name} is not enabled in this profile")
        return
    profile = params.profile_settings.features[name]
    image_size, levels, test_time_flip = profile.image_size, profile.levels, profile.test_time_flip
    settings = {"image_size": image_size, "levels": levels, "test_time_flip": test_time_flip}
    used = {"threads": params.threads, "features": to_dict(params.features)}
    used |= {f"profile.features.{name}.{key}": value for key, value in settings.items()}
    inputs, code = [finetuned, RECORDS, weights], code_digest("features")
    load = partial(extraction.load_extractor, **settings, threads=params.threads)
    network = load(weights, finetuned).network
    keys = extraction.file_keys(RECORDS, state_key([finetuned, weights], used, code))
    kept = executor.kept(KEPT / f"features@{name}", repr(keys))
    job = extraction.extraction_job(load, (weights, finetuned), params.features.batch_size)
    described, changed = backbone.describe(weights), finetuning.weights_hash(finetuned) is not None
    with kept as run, reuse.renewed(target, keys_file, keys) as folder:
        backbone.save(folder, network, {**described, **settings, "finetuned": changed})
        extraction.extract_features(folder, RECORDS, job, run)
        made_from = record.read(finetuned)
        record.save(folder, inputs=inputs, params=used, code=code, finetuned=made_from, weights=described)


if __name__ == "__main__":
    with checked_stage("features"):
        main(sys.argv[1])
