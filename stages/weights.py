"""Fetch, copy or draw the backbone's weights: data/weights/."""

from scenes import weights
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import read
from scenes.partial import kept_until_done


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # nothing is computed here that either could change
    # An unfinished download waits outside the outs, which DVC deletes before a stage runs.
    with kept_until_done(".partial/weights") as partial, replacing("data/weights", folder=True) as folder:
        weights.acquire(
            folder,
            params.active.backbone,
            params.active.weights,
            sha256=params.active.weights_sha256,
            partial=partial,
        )


if __name__ == "__main__":
    with one_sentence():
        main()
