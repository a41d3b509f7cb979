"""When `scenes own` fine-tunes: as asked, as before, or where TensorFlow has a GPU."""

import pytest

from scenes.own import finetune


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """The folder of device files; TensorFlow must not be asked."""

    def asked() -> list[str]:
        raise AssertionError("TensorFlow was started")

    monkeypatch.setattr(finetune, "DEV", tmp_path)
    monkeypatch.setattr(finetune, "gpu_names", asked)
    return tmp_path


def test_an_option_decides_then_what_params_say(dev):
    (dev / "nvidia0").touch()
    assert finetune.decide(True, kept=False) == (True, "as `--finetune` says")
    assert finetune.decide(False, kept=True) == (False, "as `--no-finetune` says")
    assert [finetune.decide(None, kept=kept) for kept in (True, False)] == [
        (True, "as params.yaml says"),
        (False, "as params.yaml says"),
    ]


def test_without_a_device_tensorflow_is_not_asked(dev):
    for name in ("null", "nvidia-modeset", "dri"):  # of which no machine computes
        (dev / name).touch()
    assert finetune.decide(None) == (False, "because there is no GPU")


@pytest.mark.parametrize("device", ["nvidia0", "nvidia3", "dxg"])
def test_a_device_counts_if_tensorflow_uses_it(dev, monkeypatch, device):
    (dev / device).touch()
    monkeypatch.setattr(finetune, "gpu_names", lambda: ["NVIDIA H200", "NVIDIA H200"])
    assert finetune.decide(None) == (True, "because there is a GPU, NVIDIA H200")
    monkeypatch.setattr(finetune, "gpu_names", lambda: [])
    assert finetune.decide(None) == (False, "because TensorFlow does not use the GPU, see docs/gpu.md")


@pytest.mark.process
def test_tensorflow_is_asked_in_another_process():
    import tensorflow as tf

    assert len(finetune.gpu_names()) == len(tf.config.list_physical_devices("GPU"))
