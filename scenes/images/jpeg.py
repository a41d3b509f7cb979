"""JPEGs by libjpeg-turbo through simplejpeg, the decoder that training uses, which also says whether it warned.

libjpeg goes on where a scan is cut or a code is invalid, and fills in what is missing. Pillow says nothing of that;
simplejpeg can refuse such a file. Where neither warns, both give the same pixels: the accurate integer DCT, and smooth
upsampling of colour.
"""

import struct

import numpy as np
import simplejpeg

# The second byte of the frame markers that simplejpeg and TensorFlow decode: baseline, extended and progressive DCT.
_DCT = (0xC0, 0xC1, 0xC2)
_NO_FRAME = 0  # not the second byte of any marker
_MOST_SEGMENTS = 32  # of a plain header


def decode_sound(data: bytes, width: int, height: int) -> np.ndarray | None:
    """Return the pixels of a grey or colour JPEG, or None if libjpeg warned of anything or could not decode it.

    Args:
        data: a JPEG of one or three channels.
        width, height: as its header has been read by somebody else; another size in the scan gives None.

    Returns:
        uint8 (height, width, 3), RGB, not turned by EXIF.
    """
    try:
        found_height, found_width, *_ = simplejpeg.decode_jpeg_header(data)
        if (found_width, found_height) != (width, height):
            return None
        return simplejpeg.decode_jpeg(data, "RGB")
    except ValueError:
        return None


def plain_frame(data: bytes) -> tuple[int, int, str] | None:
    """Return width, height and Pillow's mode of a JPEG with a plain header; None for any other file.

    A plain header is what most programs write: JFIF, tables, and one baseline or progressive frame of 8 bits, grey or
    in three colours, each in a segment of the right size. EXIF, colour profiles and further pictures are in other
    segments. Pillow finds nothing more in a plain header, and takes half as long for it as libjpeg for 150 x 150
    pixels.
    """
    frame, position = None, 2
    for _ in range(_MOST_SEGMENTS if data.startswith(b"\xff\xd8") else 0):
        if data[position : position + 1] != b"\xff":
            return None
        start = position + 4
        marker, size = data[position + 1 : position + 2], int.from_bytes(data[position + 2 : start])
        position += 2 + size
        segment = data[start:position]
        match marker:
            case b"\xda":  # the scan begins
                return frame
            case b"\xc0" | b"\xc2" if frame is None:
                frame = _plain_frame(segment)
                plain = frame is not None
            case b"\xdb":  # tables of quantization, 64 bytes each after their number
                plain = len(segment) % 65 == 0 and max(segment[::65], default=0) < 4
            case b"\xe0":
                plain = segment.startswith(b"JFIF\0") and len(segment) >= 14
            case _:  # tables of Huffman codes, and how often the decoder restarts
                plain = marker in (b"\xc4", b"\xdd")
        if not plain:
            return None
    return None


def _plain_frame(segment: bytes) -> tuple[int, int, str] | None:
    if len(segment) < 6:
        return None
    bits, height, width, components = struct.unpack_from(">BHHB", segment)
    if bits != 8 or components not in (1, 3) or len(segment) != 6 + 3 * components:
        return None
    return width, height, "L" if components == 1 else "RGB"


def is_damaged(data: bytes) -> bool:
    """Return whether libjpeg warns of a JPEG, or cannot decode it; False for processes that simplejpeg does not know.

    Arithmetic coding and lossless JPEG are such processes; nobody can tell then.
    """
    try:
        _, _, space, _ = simplejpeg.decode_jpeg_header(data)
        simplejpeg.decode_jpeg(data, "CMYK" if space in ("CMYK", "YCCK") else "GRAY")
    except ValueError:
        return _process(data) in (*_DCT, _NO_FRAME)
    return False


def is_portable(data: bytes) -> bool:
    """Return whether any JPEG decoder reads a sound file: baseline or progressive, ending with its end marker."""
    return data.endswith(b"\xff\xd9") and _process(data) in _DCT


def _process(data: bytes) -> int:
    """Return the second byte of a JPEG's frame marker (0xC0 baseline, 0xC2 progressive, ...), or ``_NO_FRAME``."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return _NO_FRAME
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
        # 0xFF before a marker is padding. The markers 0x01 and 0xD0 to 0xD8 have no segment.
        if marker == 0xFF:
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            position += 2
        else:
            position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    return _NO_FRAME
