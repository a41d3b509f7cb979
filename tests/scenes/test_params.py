"""Reading params.yaml."""

import pytest

from scenes import params


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("profile: b\nprofiles: {a: {x: 1}, b: {x: 2}}\nmodels: {m-1: {n: {units: 3, list: [1, 2]}}}\n")
    return path


def test_values_by_attribute_by_name_and_of_the_active_profile(file):
    read = params.read(file)
    assert read.active.x == 2
    assert read.profiles.a.x == 1
    assert read.models["m-1"].n.units == 3


def test_a_block_as_keyword_arguments(file):
    assert params.plain(params.read(file).models["m-1"]) == {"n": {"units": 3, "list": [1, 2]}}
