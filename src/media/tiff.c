/* TIFF through libtiff, from memory. Grey, RGB and palettes are read sample by sample; what is rarer (CMYK, YCbCr, Lab)
 * through libtiff's own conversion to RGBA. */
#include "media/formats.h"

#ifdef HAVE_TIFF

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

#include "base/memory.h"

/* ---- a file in memory -------------------------------------------------------------------- */

typedef struct tiff_source {
    const unsigned char *bytes;
    uint64_t size, position;
    const char *name;
    bool ran_out;    /* bytes beyond the end were asked for */
    char words[200]; /* libtiff's last complaint */
} tiff_source;

static tmsize_t source_read(thandle_t handle, void *to, tmsize_t size)
{
    tiff_source *const s = handle;
    const uint64_t left = s->position < s->size ? s->size - s->position : 0;
    const uint64_t count = (uint64_t)size < left ? (uint64_t)size : left;
    memcpy(to, s->bytes + s->position, (size_t)count);
    s->position += count;
    if (count < (uint64_t)size) s->ran_out = true;
    return (tmsize_t)count;
}

static tmsize_t source_write(thandle_t handle, void *from, tmsize_t size)
{
    (void)handle;
    (void)from;
    (void)size;
    return -1;
}

static toff_t source_seek(thandle_t handle, toff_t offset, int whence)
{
    tiff_source *const s = handle;
    const uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->position : s->size;
    s->position = base + offset;
    return s->position;
}

static int source_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t source_size(thandle_t handle)
{
    return ((const tiff_source *)handle)->size;
}

/* Handlers of this one file, not libtiff's global ones, which other threads use too. */
static int on_error(TIFF *file, void *source, const char *module, const char *format, va_list values)
{
    tiff_source *const s = source;
    (void)file;
    (void)module;
    vsnprintf(s->words, sizeof s->words, format, values);
    return 1;
}

static int on_warning(TIFF *file, void *source, const char *module, const char *format, va_list values)
{
    (void)file;
    (void)source;
    (void)module;
    (void)format;
    (void)values;
    return 1;
}

static status damaged(const tiff_source *source)
{
    if (source->ran_out) return fail(POLYP_ERR_FORMAT, "%s: the TIFF is cut off", source->name);
    return fail(POLYP_ERR_FORMAT, "%s: damaged TIFF (%s)", source->name,
                source->words[0] ? source->words : "no reason known");
}

static status source_open(TIFF **out, tiff_source *source)
{
    TIFFOpenOptions *const options = TIFFOpenOptionsAlloc();
    if (!options) return fail(POLYP_ERR_MEMORY, "%s: no memory to decode this TIFF", source->name);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, source);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, source);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(8 * IMAGE_LIMIT_PIXELS));
    /* m: not mapped, every byte comes through source_read() */
    *out = TIFFClientOpenExt(source->name, "rm", source, source_read, source_write, source_seek, source_close,
                             source_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return *out ? POLYP_OK : damaged(source);
}

/* ---- what the header says ---------------------------------------------------------------- */

typedef struct tiff_layout {
    uint32_t width, height;
    uint16_t bits, samples, kind, planar, sample_format;
    uint16_t extra; /* meaning of the first sample beyond the colours */
    bool tiled;
    uint32_t block_width, block_height; /* of a tile or strip */
    size_t row_bytes, block_bytes;
    int kept; /* leading samples of a pixel that we want */
} tiff_layout;

static void read_header(tiff_layout *l, TIFF *file)
{
    uint16_t count = 0, *extras = NULL;
    TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &l->width);
    TIFFGetField(file, TIFFTAG_IMAGELENGTH, &l->height);
    TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &l->bits);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &l->samples);
    TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &l->planar);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &l->sample_format);
    if (!TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &l->kind)) l->kind = PHOTOMETRIC_MINISBLACK;
    if (TIFFGetFieldDefaulted(file, TIFFTAG_EXTRASAMPLES, &count, &extras) && count > 0) l->extra = extras[0];
}

static bool is_grey(const tiff_layout *l)
{
    return l->kind == PHOTOMETRIC_MINISBLACK || l->kind == PHOTOMETRIC_MINISWHITE;
}

/* Whether we read the samples ourselves. */
static bool is_plain(const tiff_layout *l)
{
    const bool depth = l->bits == 1 || l->bits == 2 || l->bits == 4 || l->bits == 8 || l->bits == 16;
    const bool unsigned_samples = l->sample_format == SAMPLEFORMAT_UINT || l->sample_format == SAMPLEFORMAT_VOID;
    const bool colours = (is_grey(l) && l->samples >= 1) || (l->kind == PHOTOMETRIC_RGB && l->samples >= 3) ||
                         (l->kind == PHOTOMETRIC_PALETTE && l->samples >= 1 && l->bits <= 8);
    return depth && unsigned_samples && colours;
}

static status read_blocks_layout(tiff_layout *l, TIFF *file, const tiff_source *source)
{
    const bool alpha = l->samples > 3 && (l->extra == EXTRASAMPLE_ASSOCALPHA || l->extra == EXTRASAMPLE_UNASSALPHA);
    l->kept = l->kind != PHOTOMETRIC_RGB ? 1 : alpha ? 4 : 3;
    l->tiled = TIFFIsTiled(file);
    l->block_width = l->width;
    if (l->tiled) {
        TIFFGetField(file, TIFFTAG_TILEWIDTH, &l->block_width);
        TIFFGetField(file, TIFFTAG_TILELENGTH, &l->block_height);
    } else {
        TIFFGetFieldDefaulted(file, TIFFTAG_ROWSPERSTRIP, &l->block_height);
        if (l->block_height > l->height) l->block_height = l->height;
    }
    TRY(image_check_size(l->block_width, l->block_height, source->name));
    const tmsize_t row = l->tiled ? TIFFTileRowSize(file) : TIFFScanlineSize(file);
    const tmsize_t block = l->tiled ? TIFFTileSize(file) : TIFFStripSize(file);
    /* what our own arithmetic on the samples will reach for */
    const uint64_t in_row = l->planar == PLANARCONFIG_SEPARATE ? 1 : l->samples;
    const uint64_t needed = ((uint64_t)l->block_width * in_row * l->bits + 7) / 8;
    if (row <= 0 || block <= 0 || (uint64_t)row < needed || (uint64_t)block < (uint64_t)row * l->block_height)
        return damaged(source);
    if ((size_t)block > 8 * IMAGE_LIMIT_PIXELS)
        return fail(POLYP_ERR_SIZE, "%s: has %u samples a pixel, which is too much to read", source->name, l->samples);
    l->row_bytes = (size_t)row;
    l->block_bytes = (size_t)block;
    return POLYP_OK;
}

/* ---- samples ----------------------------------------------------------------------------- */

static uint16_t sample_at(const unsigned char *row, size_t index, unsigned bits)
{
    if (bits == 8) return row[index];
    if (bits == 16) {
        uint16_t value;
        memcpy(&value, row + 2 * index, 2); /* libtiff has put it in our byte order */
        return value;
    }
    const unsigned shift = 8 - bits - (unsigned)(index * bits % 8);
    return (uint16_t)((unsigned)row[index * bits / 8] >> shift & ((1U << bits) - 1));
}

/* Copy one decoded block, whose first pixel is (left, top), to its place among samples[height][width][kept]. */
static void place_block(uint16_t *samples, const tiff_layout *l, const unsigned char *block, uint32_t left,
                        uint32_t top, uint16_t plane)
{
    const bool separate = l->planar == PLANARCONFIG_SEPARATE;
    const uint32_t bottom = l->height - top < l->block_height ? l->height : top + l->block_height;
    const uint32_t right = l->width - left < l->block_width ? l->width : left + l->block_width;
    const size_t step = separate ? 1 : l->samples, kept = separate ? 1 : (size_t)l->kept;
    for (uint32_t y = top; y < bottom; y++, block += l->row_bytes) {
        uint16_t *const to = samples + ((size_t)y * l->width + left) * (size_t)l->kept + plane;
        for (size_t x = 0; x < right - left; x++)
            for (size_t c = 0; c < kept; c++) to[x * (size_t)l->kept + c] = sample_at(block, x * step + c, l->bits);
    }
}

static bool read_block(TIFF *file, const tiff_layout *l, unsigned char *block, uint32_t left, uint32_t top,
                       uint16_t plane)
{
    if (l->tiled) {
        const uint32_t tile = TIFFComputeTile(file, left, top, 0, plane);
        return TIFFReadEncodedTile(file, tile, block, (tmsize_t)l->block_bytes) == (tmsize_t)l->block_bytes;
    }
    const uint32_t rows = l->height - top < l->block_height ? l->height - top : l->block_height;
    const tmsize_t size = (tmsize_t)(rows * l->row_bytes);
    return TIFFReadEncodedStrip(file, TIFFComputeStrip(file, top, plane), block, size) == size;
}

static status read_samples(uint16_t *samples, TIFF *file, const tiff_layout *l, const tiff_source *source)
{
    unsigned char *block;
    TRY(memory_new(&block, l->block_bytes));
    const uint16_t planes = (uint16_t)(l->planar == PLANARCONFIG_SEPARATE ? l->kept : 1);
    bool whole = true;
    for (uint16_t plane = 0; plane < planes; plane++)
        for (uint64_t top = 0; top < l->height && whole; top += l->block_height)
            for (uint64_t left = 0; left < l->width && whole; left += l->block_width) {
                whole = read_block(file, l, block, (uint32_t)left, (uint32_t)top, plane);
                if (whole) place_block(samples, l, block, (uint32_t)left, (uint32_t)top, plane);
            }
    memory_free(block);
    return whole ? POLYP_OK : damaged(source);
}

/* ---- samples to pixels ------------------------------------------------------------------- */

static status from_palette(polyp_image *out, const uint16_t *samples, const tiff_layout *l, TIFF *file,
                           const tiff_source *source)
{
    uint16_t *map[3];
    if (!TIFFGetField(file, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]))
        return fail(POLYP_ERR_FORMAT, "%s: damaged TIFF (its palette is missing)", source->name);
    const size_t entries = (size_t)1 << l->bits;
    unsigned shift = 0; /* some programs write levels 0..255 where 0..65535 is the rule */
    for (size_t i = 0; i < entries; i++)
        if (map[0][i] > 255 || map[1][i] > 255 || map[2][i] > 255) shift = 8;
    TRY(image_create(out, (int)l->width, (int)l->height, 3));
    const size_t pixels = (size_t)l->width * l->height;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++) out->pixels[3 * i + c] = (unsigned char)(map[c][samples[i]] >> shift);
    return POLYP_OK;
}

static status from_levels(polyp_image *out, uint16_t *samples, const tiff_layout *l)
{
    const unsigned top = (1U << l->bits) - 1;
    const size_t count = (size_t)l->width * l->height * (size_t)l->kept;
    if (l->kind == PHOTOMETRIC_MINISWHITE)
        for (size_t i = 0; i < count; i++) samples[i] = (uint16_t)(top - samples[i]);
    if (l->bits == 16) return image_from_16(out, samples, (int)l->width, (int)l->height, l->kept, l->kept);
    TRY(image_create(out, (int)l->width, (int)l->height, l->kept));
    for (size_t i = 0; i < count; i++) out->pixels[i] = (unsigned char)(samples[i] * 255 / top);
    return POLYP_OK;
}

static status read_plain(polyp_image *out, TIFF *file, tiff_layout *l, const tiff_source *source)
{
    TRY(read_blocks_layout(l, file, source));
    uint16_t *samples;
    TRY(memory_new(&samples, (size_t)l->width * l->height * (size_t)l->kept));
    status result = read_samples(samples, file, l, source);
    if (result == POLYP_OK)
        result =
            l->kind == PHOTOMETRIC_PALETTE ? from_palette(out, samples, l, file, source) : from_levels(out, samples, l);
    memory_free(samples);
    return result;
}

/* ---- the rarer kinds --------------------------------------------------------------------- */

static status raster_to_rgb(polyp_image *out, const uint32_t *raster, const tiff_layout *l)
{
    TRY(image_create(out, (int)l->width, (int)l->height, 3));
    const size_t pixels = (size_t)l->width * l->height;
    for (size_t i = 0; i < pixels; i++) {
        out->pixels[3 * i] = (unsigned char)TIFFGetR(raster[i]);
        out->pixels[3 * i + 1] = (unsigned char)TIFFGetG(raster[i]);
        out->pixels[3 * i + 2] = (unsigned char)TIFFGetB(raster[i]);
    }
    return POLYP_OK;
}

static status read_rare(polyp_image *out, TIFF *file, const tiff_layout *l, const tiff_source *source)
{
    char words[1024] = "";
    TIFFRGBAImage image;
    if (!TIFFRGBAImageOK(file, words) || !TIFFRGBAImageBegin(&image, file, 1, words))
        return fail(POLYP_ERR_UNSUPPORTED, "%s: this kind of TIFF is not handled (%s); save it as 8-bit RGB",
                    source->name, words);
    image.req_orientation = image.orientation; /* rows as stored: turning is ours */
    uint32_t *raster;
    status result = memory_new(&raster, (size_t)l->width * l->height);
    if (result == POLYP_OK) {
        result =
            TIFFRGBAImageGet(&image, raster, l->width, l->height) ? raster_to_rgb(out, raster, l) : damaged(source);
        memory_free(raster);
    }
    TIFFRGBAImageEnd(&image);
    return result;
}

/* ---- the whole --------------------------------------------------------------------------- */

static status read_picture(polyp_image *out, int *orientation, TIFF *file, const tiff_source *source)
{
    tiff_layout layout = {0};
    read_header(&layout, file);
    TRY(image_check_size(layout.width, layout.height, source->name));
    TRY(is_plain(&layout) ? read_plain(out, file, &layout, source) : read_rare(out, file, &layout, source));
    /* libtiff leaves a tag out when its value lies beyond the end, and would show a palette's indices as grey */
    if (source->ran_out) return damaged(source);
    uint16_t tag = 1;
    TIFFGetFieldDefaulted(file, TIFFTAG_ORIENTATION, &tag);
    *orientation = tag;
    return POLYP_OK;
}

status tiff_decode(polyp_image *out, int *orientation, const unsigned char *bytes, size_t size, const char *name)
{
    tiff_source source = {.bytes = bytes, .size = size, .name = name};
    TIFF *file;
    polyp_image image = {0};
    polyp_image_free(out);
    TRY(source_open(&file, &source));
    const status result = read_picture(&image, orientation, file, &source);
    TIFFClose(file);
    if (result == POLYP_OK) *out = image;
    else polyp_image_free(&image);
    return result;
}

#else

status tiff_decode(polyp_image *out, int *orientation, const unsigned char *bytes, size_t size, const char *name)
{
    polyp_image_free(out);
    (void)orientation;
    (void)bytes;
    (void)size;
    return fail(POLYP_ERR_UNSUPPORTED, "%s: this build of polyp has no TIFF reader; convert the picture to PNG", name);
}

#endif
