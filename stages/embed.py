"""Compute the backbone's pooled features of every image, once: data/embeddings/."""

from scenes import backbone, embedder, finetuning
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import read


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    network = backbone.load("data/weights", params.active.backbone_image_size)
    finetuning.load("data/finetuned", network)
    origin = {
        **backbone.describe("data/weights"),
        "image_size": params.active.backbone_image_size,
        "views": params.active.views,
        "finetuned": finetuning.describe("data/finetuned"),
    }
    with replacing("data/embeddings", folder=True) as folder:
        embedder.write(
            folder,
            backbone.embedding(network, views=params.active.views),
            "data/records",
            batch_size=params.embed.batch_size,
            origin=origin,
        )


if __name__ == "__main__":
    with one_sentence():
        main()
