"""Compute the backbone's pooled features of every image, once: data/embeddings/."""

from scenes import backbone, embeddings, records
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import read


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    image_size = params.active.backbone_image_size
    embed = embeddings.compiled(backbone.load("data/weights", image_size))
    with replacing("data/embeddings", folder=True) as folder:
        for name in records.splits("data/records"):
            split = records.open_records("data/records", name)
            batches = records.ordered_batches(split, params.embed.batch_size)
            result = embeddings.compute(embed, batches, count=split.count, classes=split.classes, desc=f"embed {name}")
            if name == "train":
                embeddings.check_informative(result)
            embeddings.save(folder / f"{name}.npz", result)
        embeddings.save_origin(folder, {**backbone.describe("data/weights"), "image_size": image_size})


if __name__ == "__main__":
    with one_sentence():
        main()
