"""Convert, download, copy or draw the weights of a feature set's backbone: ``python -m stages.weights <set>``."""

import sys
from pathlib import Path

from scenes.backbones import weights
from scenes.common import unused
from scenes.common.files import atomic_dir, visible
from scenes.config.params import read
from scenes.download.partial import resumable_download_dir
from scenes.process.runtime import configure
from stages import checked_stage

WEIGHTS = Path("data/weights")
PARTIAL = ".partial/weights"  # not in the outs: DVC deletes these before a stage runs


def main(name: str) -> None:
    params = read()
    settings = params.profile_settings.features[name]
    if not settings.enabled:
        unused.mark(WEIGHTS / name)
        print(f"{name} is not enabled in this profile")
        return
    configure(seed=0, threads=1)  # neither can change the result
    with resumable_download_dir(PARTIAL) as partial, atomic_dir(WEIGHTS / name) as folder:
        weights.acquire(
            folder,
            settings.backbone,
            settings.weights,
            scaling=settings.scaling,
            sha256=settings.weights_sha256,
            partial=partial,
            # The same download for another set: equal bytes, so that the result does not depend on it.
            downloaded=visible(WEIGHTS, f"*/{weights.OFFICIAL_FILE}"),
        )


if __name__ == "__main__":
    with checked_stage("weights"):
        main(sys.argv[1])
