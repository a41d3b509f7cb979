"""Compute the backbone's pooled features of every image, once: data/embeddings/."""

from scenes import backbone, embedder, finetuning, provenance
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read


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
        provenance.save(
            folder,
            inputs=["data/finetuned", "data/records", "data/weights"],
            params={
                "threads": params.threads,
                "embed": plain(params.embed),
                "profile.views": params.active.views,
                "profile.backbone_image_size": params.active.backbone_image_size,
            },
            finetuned=provenance.read("data/finetuned"),
            weights=backbone.describe("data/weights"),
        )


if __name__ == "__main__":
    with one_sentence():
        main()
