"""Images made in code: whole ones that any viewer shows, of any size in pixels and, where it matters, in bytes (filled up
with colour profiles and palettes, which are kept of an upload)."""

import struct
import zlib


def png(width=3, height=2, size=None, frames=0):
    """Grey, one bit a pixel; `size`: bytes altogether. With `frames` it moves."""

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
        # a suggested palette: a name, and entries of six bytes
        left = size - len(head) - len(tail) - 12
        name = b"p" * (1 + (left - 3) % 6)
        head += chunk(b"sPLT", name + b"\0\x08" + b"x" * (left - len(name) - 2))
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
        head += b"!\xff\x0bICCRGBG1012"
        left = size - len(head) - len(tail) - 1
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
            if 0 < left - n < 18:
                n -= 18
            head += segment(0xE2, b"ICC_PROFILE\0\1\1" + b"x" * (n - 18))
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
        body = chunk(b"VP8X", b"\x20\0\0\0" + canvas)
        body += chunk(b"ICCP", b"x" * (size - len(body) - len(picture) - 12 - 8)) + picture
    else:
        body = picture
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def exif(orientation):
    """What a phone's camera says of a photo: how it was held, and where."""
    entries = [(0x10E, 2, 4, b"me\0\0"), (0x112, 3, 1, struct.pack(">HH", orientation, 0)), (0x8825, 4, 1, struct.pack(">I", 50))]
    head = b"MM\0*" + struct.pack(">IH", 8, len(entries)) + b"".join(struct.pack(">HHI", *entry[:3]) + entry[3] for entry in entries)
    return head + b"\0\0\0\0" + b"48.2082 N, 16.3738 E"


def photo(kind, orientation=1, **rest):
    """An image as a phone sends it, with EXIF, XMP and a comment in it."""
    place, xmp, comment = exif(orientation), b"<x:xmpmeta>48.2082, 16.3738</x:xmpmeta>", b"taken at 48.2082, 16.3738"
    image = MAKERS[kind](**rest)
    if kind == "gif":
        return image[:-1] + b"!\xfe" + bytes([len(comment)]) + comment + b"\0!\xff\x0bXMP DataXMP" + bytes([len(xmp)]) + xmp + b"\0;"
    if kind == "jpeg":
        segment = lambda marker, data: bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data  # noqa: E731
        xmp = b"http://ns.adobe.com/xap/1.0/\0" + xmp
        return image[:2] + segment(0xE1, b"Exif\0\0" + place) + segment(0xE1, xmp) + segment(0xFE, comment) + image[2:]
    if kind == "png":
        chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
        return image[:33] + chunk(b"eXIf", place) + chunk(b"tEXt", b"Comment\0" + comment) + image[33:]
    body = b"VP8X" + struct.pack("<IIIH", 10, 0x0C, 2 | 1 << 24, 0) + image[12:]
    for name, data in ((b"EXIF", place), (b"XMP ", xmp)):
        body += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
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
