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
