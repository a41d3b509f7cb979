"""The model in production over records, shard by shard: what it says of all in one go, in the order of the records."""

import numpy as np
import pytest

from scenes.dataset import records
from scenes.dataset.record_shards import file_shards
from scenes.evaluation import inference
from scenes.executors import executor
from scenes.models import store
from tests.helpers import small_records
from tests.helpers.small_model import DESCRIPTION, small

pytestmark = pytest.mark.usefixtures("deterministic")


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "production"
    folder.mkdir()
    store.save_production(folder, small(1), DESCRIPTION)
    return inference.prediction_job(folder, threads=2)


@pytest.mark.parametrize("shard_size", [1, 10, 1000])  # with one image a shard on average, some have none
def test_shards_give_what_the_whole_gives(job, tmp_path, shard_size):
    small_records.write(tmp_path / "records", shard_size=shard_size)
    source = records.open_records(tmp_path / "records", "train")
    shards = file_shards(source)
    assert sum(shard.size for shard in shards) == source.count
    key, probabilities, distance = inference.join_predictions(executor.run(job, shards), 3)
    network, _ = store.load_production(job.folders[0])
    expected_key, _, expected = inference.predict_records(network, source)
    assert key.tolist() == expected_key.tolist()
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert distance is None


def test_no_images():
    key, probabilities, distance = inference.join_predictions([], 3)
    assert (len(key), probabilities.shape, len(distance)) == (0, (0, 3), 0)
