"""Images made in code: whole ones that any viewer shows, of any size in pixels and, where it matters, in bytes."""

import struct
import zlib


def png(width=3, height=2, size=None, frames=0):
    """Grey, one bit a pixel; `size`: bytes altogether, filled up with a comment. With `frames` it moves."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" * (1 + (width + 7) // 8)) * height, 9)
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    tail = chunk(b"IDAT", pixels)
    if frames:
        frame = lambda n: chunk(b"fcTL", struct.pack(">IIIIIHHBB", n, width, height, 0, 0, 1, 10, 0, 0))  # noqa: E731
        head += chunk(b"acTL", struct.pack(">II", frames, 0)) + frame(0)
        for n in range(1, frames):
            tail += frame(2 * n - 1) + chunk(b"fdAT", struct.pack(">I", 2 * n) + pixels)
    tail += chunk(b"IEND", b"")
    if size:
        head += chunk(b"tEXt", b"Comment\0" + b"x" * (size - len(head) - len(tail) - 12 - 8))
    return head + tail


def gif(width=3, height=2, size=None, frames=1, canvas=None):
    """`canvas`: what the head claims, when that is something else."""
    head = b"GIF89a" + struct.pack("<HHBBB", *(canvas or (width, height)), 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    # Clear codes before every pixel keep the codes at three bits.
    bits = "".join(format(code, "03b")[::-1] for _ in range(width * height) for code in (4, 0)) + "101"
    codes = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    blocks = b"".join(bytes([len(codes[i : i + 255])]) + codes[i : i + 255] for i in range(0, len(codes), 255))
    tail = (b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02" + blocks + b"\0") * frames + b";"
    if size:
        left = size - len(head) - len(tail) - 3
        head += b"!\xfe"
        while left > 256:
            head += b"\xff" + b"x" * 255
            left -= 256
        head += bytes([left - 1]) + b"x" * (left - 1) + b"\0" if left > 0 else b"\0"
    return head + tail


def jpeg(width=3, height=2, size=None):
    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    # One code of one bit in each table: no difference, and no more coefficients.
    table = lambda kind: segment(0xC4, bytes([kind, 1] + [0] * 15 + [0]))  # noqa: E731
    bits = 2 * ((width + 7) // 8) * ((height + 7) // 8)
    scan = b"\0" * (bits // 8) + (bytes([0xFF >> bits % 8]) if bits % 8 else b"")
    head = b"\xff\xd8" + segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    tail = segment(0xDB, bytes([0] + [1] * 64)) + segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
    tail += table(0x00) + table(0x10) + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + scan + b"\xff\xd9"
    if size:
        left = size - len(head) - len(tail)
        while left > 0:
            n = min(left, 60000)
            if 0 < left - n < 4:
                n -= 4
            head += segment(0xFE, b"x" * (n - 4))
            left -= n
    return head + tail


def webp(width=3, height=2, size=None, frames=0):
    def chunk(kind, data):
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    size24 = lambda n: struct.pack("<I", n)[:3]  # noqa: E731
    # Lossless: no transforms, five codes of the one symbol 0, and so no bits for the pixels.
    bits = format(width - 1, "014b")[::-1] + format(height - 1, "014b")[::-1] + "0000" + "000" + "1000" * 5
    picture = chunk(b"VP8L", b"\x2f" + bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8)))
    canvas = size24(width - 1) + size24(height - 1)
    if frames:
        frame = chunk(b"ANMF", b"\0" * 6 + canvas + size24(100) + b"\0" + picture)
        body = chunk(b"VP8X", b"\x02\0\0\0" + canvas) + chunk(b"ANIM", b"\0" * 6) + frame * frames
    elif size:
        body = chunk(b"VP8X", b"\0\0\0\0" + canvas) + picture
        body += chunk(b"XMP ", b"x" * (size - len(body) - 12 - 8))
    else:
        body = picture
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


MAKERS = {"gif": gif, "jpeg": jpeg, "png": png, "webp": webp}


def form(files, boundary="----talelio", others=()):
    """(content type, body) of a form with files (field, file name, bytes) and other fields (name, value)."""
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary.encode(), name.encode(), value.encode())
        for name, value in others
    ]
    for field, name, data in files:
        name = name if isinstance(name, bytes) else name.encode()
        head = b'Content-Disposition: form-data; name="%s"; filename="%s"' % (field.encode(), name)
        parts.append(b"--%s\r\n%s\r\nContent-Type: application/octet-stream\r\n\r\n%s\r\n" % (boundary.encode(), head, data))
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + b"--%s--\r\n" % boundary.encode()
