"""Reading params.yaml."""

import pytest

from scenes.common.errors import InputError
from scenes.config import params


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("profile: b\nprofiles: {a: {x: 1}, b: {x: 2}}\nmodels: {m-1: {n: {units: 3, list: [1, 2]}}}\n")
    return path


def test_values_by_attribute_by_name_and_of_the_active_profile(file):
    read = params.read(file)
    assert read.profile_settings.x == 2
    assert read.profiles.a.x == 1
    assert read.models["m-1"].n.units == 3


@pytest.mark.parametrize("value", ["4e-05", "1e5", "2.5E-3", "0.00004"])
def test_a_number_as_dvc_writes_it_is_a_number(tmp_path, value):
    path = tmp_path / "params.yaml"
    path.write_text(f"profile: a\nprofiles: {{a: {{rate: {value}}}}}\n")
    assert params.read(path).profile_settings.rate == float(value)


def test_a_block_as_keyword_arguments(file):
    assert params.to_dict(params.read(file).models["m-1"]) == {"n": {"units": 3, "list": [1, 2]}}


@pytest.mark.parametrize("text", ["a: [", "profile: c\nprofiles: [a]\n", "profiles: {a: {}}\n", "- 1\n", ""])
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml cannot be used; run `scenes check`, which says why$"):
        params.read(path)


def test_a_name_that_there_is_not(file):
    with pytest.raises(InputError, match=r"params\.yaml does not describe 'm1'; did you mean `m-1`\?$"):
        _ = params.read(file).models["m1"]
