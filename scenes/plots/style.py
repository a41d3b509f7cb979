"""One look for every figure of the project, and the same bytes for the same figure.

Colours are told apart by colour-blind readers, text is readable at the size a report shows it, and nothing is drawn
on a screen (Agg).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette, the pale yellow last: it is hard to see on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
# For what has an order: from nothing to much. It prints well in grey.
SEQUENTIAL = "Blues"
# For what lies on a photograph: seen alike by colour-blind readers, and no photograph has its bright yellow.
HEAT = "inferno"
INK, FAINT, PAPER = "#222222", "#767676", "#EEEEEE"

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#DDDDDD",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "figure.dpi": 120,
    "savefig.dpi": 120,
    "figure.facecolor": "white",
    # Names of files and classes are data: a `$` in them is no formula.
    "text.parse_math": False,
}


def apply() -> None:
    """Make the style that of every figure made from now on, by matplotlib or by seaborn."""
    import matplotlib as mpl
    from cycler import cycler

    mpl.use("Agg")
    mpl.rcParams.update(_STYLE)
    mpl.rcParams["axes.prop_cycle"] = cycler(color=COLOURS)


def figure(width: float, height: float, **options: Any) -> "Figure":
    """Return an empty figure in the style.

    It is not known to pyplot: it goes away by itself, and threads can draw each their own.

    Args:
        width, height: inches, of 120 pixels each.
        options: passed on to ``matplotlib.figure.Figure``, e.g. ``layout="constrained"``.
    """
    apply()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), **options)


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure, PNG or SVG by the path's ending, without a date or a version: same figure, same bytes."""
    import matplotlib as mpl

    path = Path(path)
    if path.suffix == ".svg":
        # Otherwise the ids inside are drawn at random.
        with mpl.rc_context({"svg.hashsalt": path.stem}):
            figure.savefig(path, metadata={"Date": None, "Creator": None})
    else:
        figure.savefig(path, metadata={"Software": None})
