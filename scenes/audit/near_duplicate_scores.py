"""How many of the near duplicates planted in a drawn archive the audit finds, and how many of its finds are none."""

from typing import TYPE_CHECKING, Any

from scenes.audit.audit_table import usable
from scenes.common.tables import rounded

if TYPE_CHECKING:
    import pandas as pd


def near_duplicate_scores(audit: "pd.DataFrame", ground_truth: "pd.DataFrame") -> dict[str, Any]:
    """Return the precision and the recall of near duplicates, against what was planted.

    Args:
        audit: the table of ``scenes.audit.audit_table``.
        ground_truth: the table of ``scenes.synthetic.ground_truth``.

    Returns:
        - ``recall``: of the planted near duplicates, the share in the group of their original;
          ``<change>.recall``: the same by what was changed, e.g. ``mirrored``.
        - ``images``: how many were planted; ``<change>.images``: by what was changed.
        - ``precision``: of the pairs of images in one group with different pixels, the share that were drawn as one
          scene; absent if there is no such pair. ``pairs``: their number.
    """
    truth = ground_truth.set_index("path")
    images = usable(audit)
    images = images[images["path"].isin(truth.index)].set_index("path")
    copies = truth.loc[images.index, ["duplicate_of", "change"]]
    origin = copies["duplicate_of"].where(copies["duplicate_of"] != "", copies.index.to_series())
    planted = copies[(copies["change"] != "") & copies["duplicate_of"].isin(images.index)]
    found = images.loc[planted.index, "group"].to_numpy() == images.loc[planted["duplicate_of"], "group"].to_numpy()
    recall = planted.assign(found=found).groupby("change")["found"]

    images = images.assign(origin=origin)
    pairs = _pairs(images, "group") - _pairs(images, "group", "pixel_sha256")
    true = _pairs(images, "group", "origin") - _pairs(images, "group", "origin", "pixel_sha256")
    return {
        "images": len(planted),
        **({"recall": rounded(float(found.mean()))} if len(found) else {}),
        "pairs": pairs,
        **({"precision": rounded(true / pairs)} if pairs else {}),
        **{
            change: {"images": int(count), "recall": rounded(float(share))}
            for change, count, share in zip(recall.groups, recall.size(), recall.mean(), strict=True)
        },
    }


def _pairs(images: "pd.DataFrame", *columns: str) -> int:
    """Return the number of pairs of images that share these columns."""
    sizes = images.groupby(list(columns)).size()
    return int((sizes * (sizes - 1) // 2).sum())
