"""TFRecord files of images, without TensorFlow: it takes seconds to start, and hundreds of MB in each process.

Sources: https://www.tensorflow.org/tutorials/load_data/tfrecord for the file;
https://protobuf.dev/programming-guides/encoding for the messages;
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/example/feature.proto for their fields.
"""

import struct
from collections.abc import Iterable

import google_crc32c


def example(features: dict[str, bytes | int]) -> bytes:
    """Return a serialized ``tf.train.Example`` with one value a feature, the same as ``deterministic=True`` gives."""
    entries = []
    for name, value in sorted(features.items()):
        if isinstance(value, int):
            feature = _field(3, _field(1, _varint(value & 0xFFFFFFFFFFFFFFFF)))  # an Int64List
        else:
            feature = _field(1, _field(1, value))  # a BytesList
        entries.append(_field(1, _field(1, name.encode()) + _field(2, feature)))
    return _field(1, b"".join(entries))


def tfrecord(records: Iterable[bytes]) -> bytes:
    """Return the content of a TFRecord file: each record after its length, both followed by their checksum."""
    parts = []
    for record in records:
        length = struct.pack("<Q", len(record))
        parts += [length, _checksum(length), record, _checksum(record)]
    return b"".join(parts)


def _checksum(data: bytes) -> bytes:
    """Return the masked CRC-32C, as the page on the file defines it."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a message that has a length: bytes, a text or a message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*result, value])
