"""One style for all figures: the same figure always gives the same bytes.

Colour-blind readers can tell the colours apart, text is readable at the size of a report, and no screen is needed
(matplotlib's Agg backend). Letters that DejaVu Sans does not have are drawn in a font of the machine, see
``scenes.plots.text``: only then do the bytes depend on the machine.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.plots import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import LayoutEngine

# Okabe and Ito's palette. The pale yellow comes last, because it is hard to see on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
# For ordered values, from low to high. It prints well in grey.
SEQUENTIAL = "Blues"
# For overlays on photographs: colour-blind readers see it alike, and its bright yellow is rare in photographs.
HEAT = "inferno"
INK, FAINT, PAPER = "#222222", "#767676", "#EEEEEE"

_STYLE: Any = {  # matplotlib types its keys as literals
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
    # Names of files and classes are data: a `$` in them does not start a formula.
    "text.parse_math": False,
}


def apply() -> None:
    """Apply the style to all figures made from now on, by matplotlib or seaborn."""
    import matplotlib as mpl
    from cycler import cycler

    mpl.use("Agg")
    mpl.rcParams.update(_STYLE)
    mpl.rcParams["font.family"] = list(text.families())
    mpl.rcParams["axes.prop_cycle"] = cycler(color=COLOURS)


def figure(width: float, height: float, **options: Any) -> "Figure":
    """Return an empty figure in the style.

    pyplot does not register it, so it is freed like any object, and threads can each draw their own.

    Args:
        width, height: inches, at 120 pixels each.
        options: for ``matplotlib.figure.Figure``, e.g. ``layout="constrained"``.
    """
    apply()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), **options)
    # Its renderer measures all text. Without one, each tick label gets a renderer of its own, as large as the figure.
    FigureCanvasAgg(figure)
    return figure


def padded_layout(width: float, height: float) -> "LayoutEngine":
    """Return a constrained layout with this space around each axes, in inches."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(w_pad=width, h_pad=height)


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure as PNG or SVG, by the suffix of ``path``, without a date or a version of matplotlib."""
    import matplotlib as mpl

    path = Path(path)
    if path.suffix == ".svg":
        # Without a salt, the ids in the file are random.
        with mpl.rc_context({"svg.hashsalt": path.stem}):
            figure.savefig(path, metadata={"Date": None, "Creator": None})
    else:
        figure.savefig(path, metadata={"Software": None})
