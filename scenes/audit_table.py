"""The audit as a table: a row per image of the archive, ``data/audit.csv``.

| column | |
|---|---|
| path | the member's name in the archive; the key, sorted |
| split | train, test or pred: where the archive puts it |
| label | the class; '' in pred |
| bytes | size of the file |
| width, height | pixels, upright; 0 where the header could not be read |
| mode | Pillow's mode of the stored image |
| sha256 | of the file; '' where its bytes could not be read |
| pixel_sha256 | of the shape and the RGB pixels; '' where they could not be decoded |
| phash | perceptual hash, 64 bits in hex; '' where it says nothing: see ``scenes.duplicates`` |
| group | images that are duplicates of one another, exact or near, share it |
| problem | '' or one word |

The problems, of which a row gets the first that is true. Fatal, the image is left out:

- ``not_an_image``: of no image format that is read here
- ``corrupt``: truncated or damaged
- ``too_many_pixels``: more than ``archive.max_pixels``

Noted, the image is used:

- ``wrong_format``: the name's ending says another format than the bytes
- ``odd_mode``: not stored as 8-bit RGB: grey, CMYK, palette, alpha, 16 bits
- ``odd_size``: another size than more than half of all images have
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FATAL = ("not_an_image", "corrupt", "too_many_pixels")
NOTED = ("wrong_format", "odd_mode", "odd_size")

NUMBERS = ("bytes", "width", "height")
COLUMNS = (
    "path",
    "split",
    "label",
    *NUMBERS,
    "mode",
    "sha256",
    "pixel_sha256",
    "phash",
    "group",
    "problem",
)


def write(audit: "pd.DataFrame", path: str | Path) -> None:
    """Write the table as CSV, the same bytes for the same table."""
    audit.to_csv(path, columns=list(COLUMNS), index=False, lineterminator="\n", encoding="utf-8")


def read(path: str | Path) -> "pd.DataFrame":
    """Read the table: ``bytes,width,height`` as int64, all else as text, where a class may be called NA or 007."""
    import pandas as pd

    types = {column: "int64" if column in NUMBERS else "str" for column in COLUMNS}
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_filter=False, encoding="utf-8")


def usable(audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of the images that can be used: without a fatal problem."""
    return audit[~audit["problem"].isin(FATAL)]


def clean_test(audit: "pd.DataFrame") -> set[str]:
    """Return the paths of the test images that no duplicate spoils.

    An image is clean if no other member of its group stands in train, and none carries another label. (Unlabelled
    images neither teach a model nor contradict a label.)
    """
    images = usable(audit)
    labelled = images[images["split"] != "pred"]
    taught = labelled.loc[labelled["split"] == "train", "group"].unique()
    labels = labelled.groupby("group")["label"].nunique()
    disputed = labels.index[labels > 1]
    test = labelled[labelled["split"] == "test"]
    return set(test.loc[~test["group"].isin(taught) & ~test["group"].isin(disputed), "path"])
