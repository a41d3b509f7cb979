"""The code of a stage includes the user's functions that params.yaml names as backbones."""

import pytest

import stages
from scenes.common.errors import InputError

PARAMS = """
profiles:
  demo:
    features:
      frozen:
        backbone: EfficientNetLite0+scenes.backbones.mine.tiny  # two of them
      finetuned:
        backbone: 'keras.applications.MobileNetV3Small'
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose stage ``features`` can build a backbone, and whose stage ``split`` cannot."""
    files = {
        "scenes/backbones/backbone.py": "x = 1\n",
        "scenes/backbones/mine.py": "from scenes.backbones import helper\n",
        "scenes/backbones/helper.py": "x = 2\n",
        "stages/features.py": "from scenes.backbones import backbone\n",
        "stages/split.py": "x = 3\n",
        "params.yaml": PARAMS,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(stages, "ROOT", tmp_path)
    return tmp_path


def listed(stage: str) -> dict[str, str]:
    """The fingerprints by module, past the cache of one process."""
    lines = stages.code_text.__wrapped__(stage).splitlines()
    return {name: code for code, _, name in (line.partition("  ") for line in lines)}


def test_a_users_function_counts_with_the_stages_that_can_call_it(project):
    before = listed("features")
    names = {"scenes.backbones.backbone", "scenes.backbones.mine", "scenes.backbones.helper", "stages.features"}
    assert before.keys() == names
    assert listed("split").keys() == {"stages.split"}
    (project / "scenes/backbones/helper.py").write_text("x = 4\n")
    assert {name for name, code in listed("features").items() if code != before[name]} == {"scenes.backbones.helper"}


def test_a_function_where_dvc_would_not_see_changes_is_refused(project):
    (project / "my_networks.py").write_text("x = 1\n")
    (project / "params.yaml").write_text(PARAMS.replace("keras.applications.MobileNetV3Small", "my_networks.tiny"))
    with pytest.raises(InputError, match="my_networks is outside scenes"):
        listed("features")
    assert listed("split").keys() == {"stages.split"}
