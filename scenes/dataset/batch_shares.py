"""Which images of each batch a process decodes, where several devices train together.

All processes go through an epoch in the same order, that of one device. A batch is padded to as many rows for each
device, and a process takes the rows of its own devices.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Devices:
    """The devices that train together.

    Attributes:
        count: those of all processes together, as many in each.
        processes: how many there are.
        process: the number of this one, counted from 0.
    """

    count: int = 1
    processes: int = 1
    process: int = 0


ONE_DEVICE = Devices()


@dataclass(frozen=True)
class BatchShares:
    """How the batches of an epoch are padded and divided.

    Attributes:
        count: images of an epoch.
        batch_size: images of a batch, that of one device; the last one of an epoch may be smaller.
        devices: that share each batch.
    """

    count: int
    batch_size: int
    devices: Devices

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-self.count // self.batch_size)

    @property
    def last(self) -> int:
        """Images of the last batch."""
        return self.count - (self.steps - 1) * self.batch_size

    def padded(self, images: int) -> int:
        """Return the rows of a batch of so many images, padding included; a smaller batch always has fewer rows."""
        rows = -(-images // self.devices.count)
        smaller_has_as_many = self.last < self.batch_size and -(-self.last // self.devices.count) == rows
        # Its number of rows tells a compiled step how many of them are images, see scenes.training.devices.
        return (rows + (images == self.batch_size and smaller_has_as_many)) * self.devices.count

    def images(self, rows: int) -> int:
        """Return how many of the rows of a padded batch are images; the others follow them."""
        return self.batch_size if rows == self.padded(self.batch_size) else self.last

    @property
    def local_batch_size(self) -> int:
        """Rows of a batch that this process takes; fewer of a smaller last batch."""
        return self.padded(self.batch_size) // self.devices.processes

    def positions(self) -> np.ndarray:
        """Return the positions within an epoch of what this process takes, int64, in order.

        Padding repeats the last image of its batch. Cut into pieces of ``local_batch_size``, the positions are those of
        one batch after the other.
        """
        starts = range(0, self.count, self.batch_size)
        return np.concatenate([start + self._rows(min(self.batch_size, self.count - start)) for start in starts])

    def _rows(self, images: int) -> np.ndarray:
        share = self.padded(images) // self.devices.processes
        return np.minimum(self.devices.process * share + np.arange(share), images - 1)
