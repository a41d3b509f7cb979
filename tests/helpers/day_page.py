"""The commands of docs/day.md, with where they run and what they print."""

import re

from tests.code_facts import ROOT

BLOCKS = re.findall(
    r"(?:<!-- in (?:a |the )?([^\n]+) -->\n)?```sh\n(.*?)```",
    (ROOT / "docs/day.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
# (where, the line as written, what it prints)
COMMANDS = [(where, line, line.partition("  # ")[2]) for where, block in BLOCKS for line in block.splitlines()]
