#!/usr/bin/env python3
"""Writes pictures.golden: tiny pictures of every kind that polyp reads, each with the pixels it must give.

The pixels are PIL's where PIL reads the kind in full, else they follow from the numbers that the file was made of.
Record: a line "name tolerance width height channels file_size", the file's bytes, the pixels.
  make_pictures.py [--corpus FOLDER]     with --corpus the files alone are written too, for the fuzzer
"""
import io
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT = 13, 7
rng = np.random.default_rng(3)
records = []


def add(name, data, pixels, tolerance=0):
    pixels = np.ascontiguousarray(pixels, dtype=np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    records.append((name, tolerance, pixels, data))


def upright(data, mode=None):
    """What PIL makes of a file."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return np.array(image.convert(mode) if mode else image)


def noise(*shape, top=256):
    return rng.integers(0, top, shape)


def smooth(channels):
    """A slope with a bright spot: JPEG keeps it, and no turn of it looks like another."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [40 + 12 * x + 5 * y * (c + 1) + 60 * ((x - 3) ** 2 + (y - 2) ** 2 < 4) for c in range(channels)]
    out = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    return out[:, :, 0] if channels == 1 else out


def reduce_16(samples):
    return samples if samples.max() <= 255 else (samples * 255 + 32767) // 65535


def pack_bits(samples, bits):
    """Rows of [height, values] packed to bytes, highest bits first."""
    rows = []
    for row in samples:
        as_bits = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
        rows.append(np.packbits(as_bits.astype(np.uint8).reshape(-1)).tobytes())
    return rows


# ---- JPEG --------------------------------------------------------------------------------------

def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "maker"
    return exif.tobytes()


def jpegs():
    rgb, grey = Image.fromarray(smooth(3)), Image.fromarray(smooth(1))
    cmyk = Image.fromarray(smooth(4), "CMYK")
    kinds = {
        "grey": (grey, {}), "rgb-444": (rgb, {"subsampling": 0}), "rgb-422": (rgb, {"subsampling": 1}),
        "rgb-420": (rgb, {"subsampling": 2}), "progressive": (rgb, {"progressive": True}),
        "progressive-grey": (grey, {"progressive": True}), "restart": (rgb, {"restart_marker_blocks": 1}),
        "stored-rgb": (rgb, {"keep_rgb": True}), "cmyk": (cmyk, {}), "progressive-cmyk": (cmyk, {"progressive": True}),
    }
    for name, (image, options) in kinds.items():
        data = save(image, "JPEG", quality=92, **options)
        add(f"jpeg-{name}", data, upright(data, "RGB" if image.mode == "CMYK" else None), 2)
    for orientation in range(1, 9):
        data = save(rgb, "JPEG", quality=95, subsampling=0, exif=exif_of(orientation))
        add(f"jpeg-exif-{orientation}", data, upright(data), 2)
    one = Image.fromarray(np.full((1, 1, 3), (200, 90, 60), np.uint8))
    data = save(one, "JPEG", quality=95)
    add("jpeg-1x1", data, upright(data), 2)


# ---- PNG ---------------------------------------------------------------------------------------

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_rows(samples, bits):
    """[height, width, channels] to unfiltered rows."""
    flat = samples.reshape(samples.shape[0], -1)
    if bits < 8:
        return pack_bits(flat, bits)
    return [row.astype(">u2" if bits == 16 else "u1").tobytes() for row in flat]


def png(samples, bits, colour, extra=b"", interlaced=False):
    height, width = samples.shape[:2]
    if samples.ndim == 2:
        samples = samples[:, :, None]
    adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    passes = adam7 if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for x, y, dx, dy in passes:
        part = samples[y::dy, x::dx]
        if part.size:
            raw += b"".join(b"\0" + row for row in png_rows(part, bits))
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw, 9))
            + chunk(b"IEND", b""))


def agree(data, expected):
    """PIL must see the same, so that a mistake here cannot pass."""
    assert np.array_equal(upright(data, "L" if expected.ndim == 2 else "RGBA" if expected.shape[2] == 4 else "RGB"),
                          expected)


def pngs():
    for bits in (1, 2, 4, 8):
        levels = noise(HEIGHT, WIDTH, top=1 << bits)
        expected = levels * 255 // ((1 << bits) - 1)
        data = png(levels, bits, GREY)
        agree(data, expected)
        add(f"png-grey-{bits}", data, expected)
        colours = noise(1 << bits, 3).astype(np.uint8)
        data = png(levels, bits, PALETTE, chunk(b"PLTE", colours.tobytes()))
        agree(data, colours[levels])
        add(f"png-palette-{bits}", data, colours[levels])
    for name, colour, channels in (("rgb", RGB, 3), ("rgba", RGBA, 4), ("grey-alpha", GREY_ALPHA, 2)):
        for bits in (8, 16):
            samples = noise(HEIGHT, WIDTH, channels, top=1 << bits)
            kept = samples[:, :, 0] if channels == 2 else samples
            data = png(samples, bits, colour)
            expected = reduce_16(kept) if bits == 16 else kept
            if bits == 8:
                agree(data, expected)
            add(f"png-{name}-{bits}", data, expected)
    samples = noise(HEIGHT, WIDTH, top=65536)
    add("png-grey-16", png(samples, 16, GREY), reduce_16(samples))
    small = noise(HEIGHT, WIDTH, top=256)
    add("png-grey-16-small-levels", png(small, 16, GREY), small)
    opaque = np.stack([small, np.full_like(small, 65535)], axis=-1)
    add("png-grey-alpha-16-small-levels", png(opaque, 16, GREY_ALPHA), small)
    colours = noise(16, 3).astype(np.uint8)
    clear = chunk(b"PLTE", colours.tobytes()) + chunk(b"tRNS", bytes(range(0, 160, 10)))
    levels = noise(HEIGHT, WIDTH, top=16)
    add("png-palette-transparent", png(levels, 4, PALETTE, clear), colours[levels])
    for name, bits, colour, channels in (("grey-1", 1, GREY, 1), ("rgb-8", 8, RGB, 3), ("rgba-16", 16, RGBA, 4)):
        samples = noise(HEIGHT, WIDTH, channels, top=1 << bits)
        data = png(samples, bits, colour, interlaced=True)
        add(f"png-interlaced-{name}", data, reduce_16(samples) if bits == 16 else samples * 255 // ((1 << bits) - 1))
    for orientation in (3, 6):
        data = save(Image.fromarray(smooth(3)), "PNG", exif=exif_of(orientation))
        add(f"png-exif-{orientation}", data, upright(data))
    big_endian = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0"
    data = png(smooth(3), 8, RGB, chunk(b"eXIf", big_endian))
    add("png-exif-8-big-endian", data, upright(data))
    add("png-1x1", png(np.array([[77]]), 8, GREY), np.array([[77]]))
    data = save(Image.fromarray(smooth(3)), "PNG")
    add("png-filtered", data, smooth(3))


# ---- TIFF --------------------------------------------------------------------------------------

WHITE_IS_ZERO, BLACK_IS_ZERO, TIFF_RGB, TIFF_PALETTE = 0, 1, 2, 3


def tiff_rows(block, bits, order):
    flat = block.reshape(block.shape[0], -1)
    if bits < 8:
        return b"".join(pack_bits(flat, bits))
    return flat.astype(order + ("u2" if bits == 16 else "u1")).tobytes()


def tiff_blocks(samples, bits, order, tile, rows):
    """One plane's strips or tiles; tiles are filled up with zeros."""
    height, width, channels = samples.shape
    if not tile:
        return [tiff_rows(samples[y:y + rows], bits, order) for y in range(0, height, rows)]
    out = []
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            block = np.zeros((tile, tile, channels), samples.dtype)
            part = samples[y:y + tile, x:x + tile]
            block[:part.shape[0], :part.shape[1]] = part
            out.append(tiff_rows(block, bits, order))
    return out


def tiff(samples, bits, kind, order="<", tile=0, rows=3, planar=False, extra=None, orientation=1, palette=None,
         size=None):
    if samples.ndim == 2:
        samples = samples[:, :, None]
    height, width, channels = samples.shape
    planes = [samples[:, :, c:c + 1] for c in range(channels)] if planar else [samples]
    blocks = [b for plane in planes for b in tiff_blocks(plane, bits, order, tile, rows)]
    if size:
        height, width = size
    offsets, body = [], b""
    for block in blocks:
        offsets.append(8 + len(body))
        body += block
    body += b"\0" * (len(body) % 2)
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [1]), 262: (3, [kind]),
            274: (3, [orientation]), 277: (3, [channels]), 284: (3, [2 if planar else 1])}
    if tile:
        tags.update({322: (4, [tile]), 323: (4, [tile]), 324: (4, offsets), 325: (4, [len(b) for b in blocks])})
    else:
        tags.update({278: (4, [rows]), 273: (4, offsets), 279: (4, [len(b) for b in blocks])})
    if palette is not None:
        tags[320] = (3, list(palette))
    if extra is not None:
        tags[338] = (3, [extra])
    start = 8 + len(body)
    entries, tail = b"", b""
    tail_start = start + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        kind_of, values = tags[tag]
        packed = struct.pack(order + ("H" if kind_of == 3 else "I") * len(values), *values)
        if len(packed) > 4:
            place = struct.pack(order + "I", tail_start + len(tail))
            tail += packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind_of, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    return head + body + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + tail


def tiffs():
    for bits in (1, 2, 4, 8, 16):
        for order in "<>":
            name = f"{bits}-{'little' if order == '<' else 'big'}"
            levels = noise(HEIGHT, WIDTH, top=1 << bits)
            expected = reduce_16(levels) if bits == 16 else levels * 255 // ((1 << bits) - 1)
            add(f"tiff-grey-{name}", tiff(levels, bits, BLACK_IS_ZERO, order), expected)
        inverted = (1 << bits) - 1 - levels
        add(f"tiff-inverted-{bits}", tiff(inverted, bits, WHITE_IS_ZERO), expected)
    for bits in (8, 16):
        for planar in (False, True):
            for tile in (0, 16):
                rgb = noise(19, 21, 3, top=1 << bits) if tile else noise(HEIGHT, WIDTH, 3, top=1 << bits)
                name = f"tiff-rgb-{bits}{'-planar' if planar else ''}{'-tiles' if tile else ''}"
                data = tiff(rgb, bits, TIFF_RGB, tile=tile, planar=planar, order=">" if planar else "<")
                if bits == 8:
                    agree(data, rgb)
                add(name, data, reduce_16(rgb) if bits == 16 else rgb)
        for extra, kept in ((2, 4), (0, 3)):
            rgba = noise(HEIGHT, WIDTH, 4, top=1 << bits)
            data = tiff(rgba, bits, TIFF_RGB, extra=extra)
            kept_samples = rgba[:, :, :kept]
            add(f"tiff-rgb-extra{extra}-{bits}", data, reduce_16(kept_samples) if bits == 16 else kept_samples)
        grey = noise(HEIGHT, WIDTH, 2, top=1 << bits)
        kept_samples = grey[:, :, 0]
        add(f"tiff-grey-alpha-{bits}", tiff(grey, bits, BLACK_IS_ZERO, extra=2),
            reduce_16(kept_samples) if bits == 16 else kept_samples)
    small = noise(HEIGHT, WIDTH, top=2)
    add("tiff-grey-16-small-levels", tiff(small, 16, BLACK_IS_ZERO), small)
    for bits in (1, 4, 8):
        levels, colours = noise(HEIGHT, WIDTH, top=1 << bits), noise(1 << bits, 3)
        data = tiff(levels, bits, TIFF_PALETTE, palette=(colours * 257).T.reshape(-1))
        add(f"tiff-palette-{bits}", data, colours[levels])
    add("tiff-palette-8-small-levels", tiff(levels, 8, TIFF_PALETTE, palette=colours.T.reshape(-1)), colours[levels])
    for bits in (1, 4):
        levels = noise(19, 21, top=1 << bits)
        add(f"tiff-grey-{bits}-tiles", tiff(levels, bits, BLACK_IS_ZERO, tile=16), levels * 255 // ((1 << bits) - 1))
    for orientation in range(1, 9):
        data = tiff(smooth(3), 8, TIFF_RGB, orientation=orientation)
        add(f"tiff-orientation-{orientation}", data, upright(data))
    add("tiff-1x1", tiff(np.array([[78]]), 8, BLACK_IS_ZERO), np.array([[78]]))
    packed_tiffs()


def packed_tiffs():
    """Kinds that PIL writes through its own libtiff."""
    images = {"grey": Image.fromarray(smooth(1)), "rgb": Image.fromarray(smooth(3)),
              "one-bit": Image.fromarray(smooth(1) > 128)}
    for name, compression in (("grey", "tiff_lzw"), ("rgb", "tiff_lzw"), ("rgb", "tiff_adobe_deflate"),
                              ("rgb", "packbits"), ("one-bit", "group4"), ("one-bit", "group3")):
        data = save(images[name], "TIFF", compression=compression)
        add(f"tiff-{name}-{compression}", data, upright(data, "L" if name == "one-bit" else None))
    data = save(images["rgb"], "TIFF", compression="jpeg", quality=95)
    add("tiff-rgb-jpeg", data, upright(data), 2)
    cmyk = Image.fromarray(smooth(4), "CMYK")
    data = save(cmyk, "TIFF")
    add("tiff-cmyk", data, np.array(cmyk.convert("RGB")), 1)


def main():
    jpegs()
    pngs()
    tiffs()
    with open(os.path.join(HERE, "pictures.golden"), "wb") as out:
        for name, tolerance, pixels, data in records:
            height, width, channels = pixels.shape
            out.write(f"{name} {tolerance} {width} {height} {channels} {len(data)}\n".encode())
            out.write(data + pixels.tobytes())
    print(len(records), "pictures")
    if len(sys.argv) == 3 and sys.argv[1] == "--corpus":
        os.makedirs(sys.argv[2], exist_ok=True)
        for name, _, _, data in records:
            with open(os.path.join(sys.argv[2], name), "wb") as out:
                out.write(data)


if __name__ == "__main__":
    main()
