"""The tables of training curves."""

import pytest

from scenes.training import curves

HISTORY = {
    "accuracy": [0.5, 0.75],
    "crossentropy": [1.25, 1 / 3],
    "loss": [1.5, 0.5],
    "val_accuracy": [0.25, 0.5],
    "val_crossentropy": [2.0, 1.5],
    "val_calibrated_crossentropy": [1.75, 1.25],
    "learning_rate": [0.002, 0.001],
}


def test_a_row_an_epoch_from_one_and_nothing_else_in_the_folder(tmp_path):
    curves.write(tmp_path, HISTORY)
    assert {file.name: file.read_bytes().decode() for file in tmp_path.iterdir()} == {
        "curves.tsv": "epoch\taccuracy\tval_accuracy\tcrossentropy\tval_crossentropy\tval_calibrated_crossentropy\n"
        "1\t0.5\t0.25\t1.25\t2\t1.75\n"
        "2\t0.75\t0.5\t0.333333\t1.5\t1.25\n",
        "learning_rate.tsv": "epoch\tlearning_rate\n1\t0.002\n2\t0.001\n",
    }


def test_a_history_that_lacks_a_curve_is_refused(tmp_path):
    with pytest.raises(KeyError, match="val_accuracy"):
        curves.write(tmp_path, {name: values for name, values in HISTORY.items() if name != "val_accuracy"})
