"""One member of a zip, unpacked from its bytes alone: without the zip, and without its directory."""

import struct
import zipfile
import zlib
from typing import NamedTuple

from scenes.common.errors import InputError
from scenes.common.words import show

# Signature, flags, and the lengths of the name and of the extra fields.
_LOCAL_HEADER = struct.Struct("<4s2xH18xHH")
LOCAL_HEADER_BYTES = _LOCAL_HEADER.size
_SIGNATURE, _UTF8_FLAG = b"PK\x03\x04", 0x800
_MOST_TEXT = 2 * 0xFFFF  # bytes of the name and of the extra fields
# Bytes unpacked beyond the stated size. Damaged data mostly ends within them, and then its checksum tells; a zip bomb
# goes on.
_BEYOND = 65_536


class DamagedMember(Exception):
    """A member cannot be read: its checksum or its packed data is wrong."""


class Packed(NamedTuple):
    """How a member is packed, by the zip's directory.

    Attributes:
        archive: path of the zip, for messages.
        path: of the member, the key in ``SafeZip.files``.
        name: in the directory, before its encoding was found.
        method: ``zipfile.ZIP_STORED`` or ``zipfile.ZIP_DEFLATED``.
        packed_bytes: size of the packed data.
        bytes: size of the unpacked data.
        crc: CRC-32 of the unpacked data.
    """

    archive: str
    path: str
    name: str
    method: int
    packed_bytes: int
    bytes: int
    crc: int

    @property
    def most_bytes(self) -> int:
        """The largest size of the member in the zip, its local header included."""
        return LOCAL_HEADER_BYTES + _MOST_TEXT + self.packed_bytes


def unpack(part: bytes, member: Packed) -> bytes:
    """Return the bytes of a member.

    The stated size is not trusted, and bounds what is unpacked, to within 64 KB.

    Args:
        part: of the zip, from the member's local header on; what follows the member is ignored.
        member: how it is packed.

    Raises:
        DamagedMember: its local header, checksum or packed data is wrong.
        InputError: it unpacks to more bytes than the directory states.
    """
    try:
        start = _data_start(part, member.name)
        data = part[start : start + member.packed_bytes]
        if member.method == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.bytes + _BEYOND)
    except (ValueError, struct.error, zlib.error) as error:
        raise DamagedMember(f"{show(member.path)} cannot be unpacked: {error}") from None
    if len(data) < member.bytes + _BEYOND and zlib.crc32(data) != member.crc:
        raise DamagedMember(f"{show(member.path)} has a wrong checksum")
    if len(data) > member.bytes:
        raise InputError(
            f"{member.archive}: {show(member.path)} unpacks to more than the {member.bytes} bytes that the archive "
            "states; do not trust it"
        )
    if len(data) < member.bytes:
        raise DamagedMember(f"{show(member.path)} holds {len(data)} of {member.bytes} bytes")
    return data


def _data_start(part: bytes, name: str) -> int:
    """Return the offset of the packed data; raise ValueError if the local header is of no member or of another."""
    signature, flags, name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(part)
    start = LOCAL_HEADER_BYTES + name_bytes
    found = part[LOCAL_HEADER_BYTES:start].decode("utf-8" if flags & _UTF8_FLAG else "cp437")
    if signature != _SIGNATURE or found != name:
        raise ValueError("the directory points to something else")
    return start + extra_bytes
