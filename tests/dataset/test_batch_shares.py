"""Shares of a batch: together they are the batch of one device, followed by padding."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scenes.dataset.batch_shares import ONE_DEVICE, BatchShares, Devices

SHARES = st.builds(
    lambda count, batch_size, local, processes: BatchShares(count, batch_size, Devices(local * processes, processes)),
    st.integers(1, 200),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(1, 5),
)


@given(count=st.integers(1, 200), batch_size=st.integers(1, 40))
def test_one_device_takes_all(count, batch_size):
    shares = BatchShares(count, batch_size, ONE_DEVICE)
    np.testing.assert_array_equal(shares.positions(), np.arange(count))
    assert shares.local_batch_size == batch_size
    assert shares.steps == len(range(0, count, batch_size))


@given(SHARES)
def test_the_processes_take_each_batch_in_order_and_the_rest_repeats_its_last_image(shares):
    devices = shares.devices
    own = [replace(shares, devices=replace(devices, process=number)) for number in range(devices.processes)]
    for step in range(shares.steps):
        start = step * shares.batch_size
        batch = np.arange(shares.count)[start : start + shares.batch_size]
        parts = [share.positions()[step * share.local_batch_size :][: share.local_batch_size] for share in own]
        rows = np.concatenate(parts)
        assert len({len(part) for part in parts}) == 1
        assert len(rows) % devices.count == 0
        assert len(rows) < len(batch) + 2 * devices.count
        # What a compiled step knows is the number of rows.
        assert shares.images(len(rows)) == len(batch)
        np.testing.assert_array_equal(rows[: len(batch)], batch)
        assert (rows[len(batch) :] == batch[-1]).all()
    assert {len(share.positions()) for share in own} == {(shares.steps - 1) * own[0].local_batch_size + len(parts[0])}
