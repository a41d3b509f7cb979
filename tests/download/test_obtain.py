"""The lines that pin archives, as `download` prints them."""

import shutil

import pytest
from dvc.utils.hydra import apply_overrides

from scenes.config.schema import check
from scenes.download.obtain import Pins, pinning
from tests.code_facts import ROOT

PINNED, OTHER, NOT_PINNED = Pins(5, "a" * 64), Pins(6, "b" * 64), Pins(None, None)


@pytest.mark.parametrize("pins", [[PINNED], [PINNED, OTHER], [NOT_PINNED, PINNED], [PINNED, NOT_PINNED, OTHER]])
def test_dvc_keeps_them_as_they_are(tmp_path, pins):
    path = shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    text = path.read_text(encoding="utf-8")
    sources = "".join(f"\n    - file:{number}" for number in range(len(pins)))
    start = text.index("    source:", text.index("\n  own:"))
    end = text.index("    image_size:", start)
    text = f"{text[:start]}    source:{sources}\n{pinning(pins)}\n{text[end:]}"
    path.write_text(text, encoding="utf-8")
    apply_overrides(path, ["profiles.own.fit=squash"])
    before, fit, after = text.partition("    fit: crop\n    cnn:\n      image_size: 96")
    assert path.read_text(encoding="utf-8") == before + fit.replace("crop", "squash") + after
    own = check(path).profiles["own"]
    assert [*map(Pins, own.archive_bytes, own.archive_sha256)] == pins
