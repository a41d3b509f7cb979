"""Convert, download, copy or draw the weights of the backbone: data/weights/."""

from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read
from scenes.download.partial import resumable_download_dir
from scenes.models import weights
from stages import checked_stage

WEIGHTS = "data/weights"
PARTIAL = ".partial/weights"  # not in the outs: DVC deletes these before a stage runs


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # neither can change the result
    with resumable_download_dir(PARTIAL) as partial, atomic_dir(WEIGHTS) as folder:
        weights.acquire(
            folder,
            params.profile_settings.backbone,
            params.profile_settings.weights,
            sha256=params.profile_settings.weights_sha256,
            partial=partial,
        )


if __name__ == "__main__":
    with checked_stage("weights"):
        main()
