"""Fetch, copy or draw the backbone's weights: data/weights/."""

from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.config.params import read
from scenes.download.partial import resumable_download_dir
from scenes.models import weights
from stages import checked_stage


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # nothing is computed here that either could change
    # An unfinished download waits outside the outs, which DVC deletes before a stage runs.
    with resumable_download_dir(".partial/weights") as partial, atomic_dir("data/weights") as folder:
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
