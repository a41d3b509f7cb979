"""``scenes plots-page``: write the page that `dvc plots show` and `dvc plots diff` fill, so that it opens offline.

    python -m scenes plots-page .dvc/plots/page.html

DVC's own page fetches Vega from a server each time it is opened, and shows pictures at their full width. This one
contains Vega, and puts the plots of a model below one heading, a picture of two revisions side by side. Vega comes from
the library vl-convert and not from a copy in git, so its version is locked and updated like every other.
"""

import argparse
import json
from pathlib import Path

import vl_convert

from scenes.common.files import atomic_write
from scenes.report.pictures import AUDIT_PICTURES, LABEL_ISSUE_PICTURES, MODEL_PICTURES

VEGA_LITE = "5.21"  # the templates in .dvc/plots and DVC's own are written for version 5
# DVC replaces the words in braces, see dvc_render.html. The words for its own scripts, which fetch Vega, are left out.
_PAGE = Path(__file__).with_suffix(".html")


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scenes plots-page",
        description="Write the page that `dvc plots show` and `dvc plots diff` fill, so that it opens offline.",
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="such as .dvc/plots/page.html")
    with atomic_write(parser.parse_args(argv).path) as page:
        page.write_text(html(), encoding="utf-8")
    return 0


def html() -> str:
    """Return the page, about a megabyte; it needs nothing else to draw the plots that DVC puts in."""
    bundle = vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # type: ignore[call-arg]  # its stub lacks the default
    titles = {name: title for name, (title, _) in (MODEL_PICTURES | AUDIT_PICTURES | LABEL_ISSUE_PICTURES).items()}
    page = _PAGE.read_text(encoding="utf-8").replace("PICTURES", json.dumps(titles))
    # A script ends at the first "</script". In JavaScript "<\/" is the same text.
    return page.replace("VEGA", bundle.replace("</script", r"<\/script"))
