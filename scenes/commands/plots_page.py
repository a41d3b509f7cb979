"""The page that `dvc plots show` and `dvc plots diff` fill, with Vega in it, so that it opens offline.

    python -m scenes plots-page .dvc/plots/page.html

DVC's own page fetches Vega from a server each time it is opened. Vega comes from vl-convert, which carries it, and not
from a copy in git: it is locked, and updated, like every other library.
"""

import argparse
from pathlib import Path

import vl_convert

from scenes.common.files import atomic_write

VEGA_LITE = "5.21"  # the templates in .dvc/plots and DVC's own are written for version 5
# DVC fills what stands in braces, see dvc_render.html; the braces for its scripts, which fetch Vega, are left out.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>Plots</title>
<script>VEGA</script>
<style>body { font-family: sans-serif } table { border-spacing: 15px }</style>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def html() -> str:
    """Return the page, of one megabyte, which needs nothing else to draw what DVC puts in."""
    # A script ends at the first "</script", wherever that stands; in JavaScript "<\/" is the same text.
    return _PAGE.replace("VEGA", vl_convert.javascript_bundle(vl_version=VEGA_LITE).replace("</script", r"<\/script"))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="scenes plots-page", description="Write the page that `dvc plots show` fills; it opens offline."
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="such as .dvc/plots/page.html")
    with atomic_write(parser.parse_args(argv).path) as page:
        page.write_text(html(), encoding="utf-8")
