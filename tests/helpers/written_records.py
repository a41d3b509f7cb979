"""Records of images at hand, for the tests of everything that reads records."""

from itertools import chain

from scenes.dataset import record_writer


def write(folder, splits, encoded, *, classes, image_size, seed, shard_size, fit="crop", archives=None):
    """Write the records of ``splits`` into an existing folder; ``encoded`` returns the JPEG or PNG of a key.

    Keys that ``archives`` does not have are those of the first.
    """
    archives = {key: 1 for members in splits.values() for key, _ in members} | (archives or {})
    planned = record_writer.plan(splits, archives, classes=classes, seed=seed, shard_size=shard_size)
    contents = (
        record_writer.shard_bytes(file.items, [encoded(item.key) for item in file.items], classes)
        for file in chain(*planned.values())
    )
    return record_writer.write(folder, planned, contents, classes=classes, image_size=image_size, fit=fit)
