"""``make own`` from a folder to scores, in a clone: 24 pictures in two classes, without a split, on an awkward path."""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from scenes.commands.verify import environment
from tests.helpers import clones, own_archives

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]
OF_THE_DEMO = re.compile(r"scenes?\b(?! \w+`)|landscape|glacier|kaggle|intel\b", re.IGNORECASE)


def run(folder, *command) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=600)


def stages_run(result: subprocess.CompletedProcess) -> list[str]:
    return re.findall(r"^Running stage '(.*)':$", result.stdout, re.MULTILINE)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The pictures, a clone that ``scenes own`` has run in, and what it printed."""
    parent = tmp_path_factory.mktemp("own")
    pictures = parent / "my pets [2024], à=b #1"
    shutil.move(own_archives.unpack("no_split", parent), pictures)
    (pictures / "pets" / "notes.txt").write_text("cats and dogs")
    clone = clones.clone(parent / "clone")
    result = run(clone, sys.executable, "-m", "scenes", "own", str(pictures))
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return SimpleNamespace(pictures=pictures, clone=clone, printed=result.stdout, result=result)


def test_it_says_first_what_it_found_and_last_what_came_of_it(own):
    found, run, end = re.split(r"(?=^Running stage 'code')|(?=^accuracy on)", own.printed, flags=re.MULTILINE)[:3]
    assert "24 images; 2 classes (12 images each); 1 .txt file left out" in found
    assert "params.yaml: profile: own" in found
    assert "Running stage 'report'" in run
    assert re.search(r"0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\] transfer", end) or "1.000 [" in end
    assert "about" in end.partition("next:")[2]
    assert "is empty" not in own.printed + own.result.stderr  # a warning of DVC: there is nothing to predict


def test_it_changes_only_the_lines_of_its_settings(own):
    diff = run(own.clone, "git", "diff", "--unified=0", "params.yaml").stdout
    changed = re.findall(r"^[+] *(\w+):", diff, re.MULTILINE)
    assert set(changed) <= {"profile", "watch", "title", "source", "image_size", "epochs", "fit"}
    assert len(re.findall("^-[^-]", diff, re.MULTILINE)) == len(changed)
    params = yaml.safe_load((own.clone / "params.yaml").read_text())  # a long path is folded over two lines
    assert params["profiles"]["own"]["source"] == f"file:{own.pictures}"
    assert params["watch"] == str(own.pictures)


def test_nothing_it_writes_speaks_of_the_demo(own):
    pages = [own.clone / "reports" / name for name in ("report.html", "report.md")]
    for page in pages:
        text = re.sub(r'src="data:[^"]*"', "", page.read_text())
        assert "My pets" in text
        assert not OF_THE_DEMO.findall(text), page
    assert not OF_THE_DEMO.findall((own.clone / "models/production/model.json").read_text())


def test_what_photos_contain_is_not_scored_and_few_images_are_not_calibrated(own):
    scores = json.loads((own.clone / "data/scores/baseline.json").read_text())
    assert scores["presence"] == {}
    assert "baseline: what photos contain is not known" in own.printed
    assert not json.loads((own.clone / "models/production/model.json").read_text())["calibrated"]
    assert re.search(r"is not calibrated: \d+ validation images?, fewer than the 50 ", own.printed)


def test_dvc_notices_one_picture_more_and_runs_nothing_otherwise(own):
    assert stages_run(run(own.clone, "dvc", "repro")) == []
    again = run(own.clone, sys.executable, "-m", "scenes", "own", str(own.pictures))
    assert stages_run(again) == []
    assert "params.yaml: as before" in again.stdout
    picture = own.pictures / "pets" / "cat" / "new.jpg"
    picture.write_bytes(own_archives.pet(99, 0))
    assert stages_run(run(own.clone, "dvc", "repro", "records")) == ["download", "audit", "split", "records"]
    (own.pictures / "pets" / "notes.pdf").write_text("no picture")
    assert stages_run(run(own.clone, "dvc", "repro", "records")) == ["download"]


def test_the_model_is_scored_on_other_pictures_with_a_warning_for_known_ones(own):
    result = run(own.clone, sys.executable, "-m", "scenes", "score", str(own.pictures))
    assert result.returncode == 0, result.stderr
    assert re.search(r"accuracy [01]\.\d+ \[", result.stdout)
    assert "trained or chosen on 20 of these pictures" in result.stdout
