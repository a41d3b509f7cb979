"""Join images of two classes, embed what comes out, and lay beside it what drawn images contain: data/composites/."""

from scenes import backbone, composites, embedder, finetuning, records, truth
from scenes.archive import Archive
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here: the pairs hang on a hash
    network = backbone.load("data/weights", params.active.backbone_image_size)
    finetuning.load("data/finetuned", network)
    embed = embedder.compiled(backbone.embedding(network, views=params.active.views))
    limits = params.archive
    with (
        Archive("data/raw/archive.zip", plain(limits.layout), limits.max_member_bytes, limits.max_ratio) as archive,
        replacing("data/composites", folder=True) as folder,
    ):
        # A folder for each input that a model may have, so that a model is scored again only if its own have changed.
        for kind in ("records", "embeddings"):
            (folder / kind).mkdir()
        for split, count in plain(params.composites).items():
            source = records.open_records("data/records", split)
            images = records.load(source)
            joined = composites.choose(images["key"], images["label"], source.classes, count=count, seed=params.seed)
            features = embedder.of_images(embed, composites.images(joined, images), batch_size=params.embed.batch_size)
            composites.save(folder / "records" / f"{split}.npz", joined)
            composites.save(folder / "embeddings" / f"{split}.npz", joined, features)
        answers = truth.read(archive)
        drawn = {} if answers is None else dict(zip(answers["path"], answers["contains"], strict=True))
        composites.save_truth(folder, {path: names for path, names in drawn.items() if names})


if __name__ == "__main__":
    with one_sentence():
        main()
