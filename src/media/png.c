/* PNG through libspng. */
#include <string.h>

#include <spng.h>

#include "base/clones.h"
#include "base/memory.h"
#include "media/formats.h"

/* Text, profiles and EXIF together; a few bytes can unpack to gigabytes. */
static const size_t extra_chunks_limit = (size_t)16 << 20;

static status failure(int code, const char *name)
{
    switch (code) {
    case SPNG_EMEM: return fail(POLYP_ERR_MEMORY, "%s: no memory to decode or encode this PNG", name);
    case SPNG_IO_EOF: return fail(POLYP_ERR_FORMAT, "%s: the PNG is cut off", name);
    default: return fail(POLYP_ERR_FORMAT, "%s: damaged PNG (%s)", name, spng_strerror(code));
    }
}

/* ---- decoding ---------------------------------------------------------------------------- */

/* Palettes are expanded; everything else comes as it is stored, but 1-, 2- and 4-bit grey scaled to 8. */
static enum spng_format format_of(const struct spng_ihdr *header)
{
    if (header->color_type == SPNG_COLOR_TYPE_INDEXED) return SPNG_FMT_RGB8;
    if (header->color_type == SPNG_COLOR_TYPE_GRAYSCALE && header->bit_depth <= 8) return SPNG_FMT_G8;
    return SPNG_FMT_PNG;
}

static int samples_of(const struct spng_ihdr *header)
{
    switch (header->color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE: return 1;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA: return 2;
    case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA: return 4;
    default: return 3;
    }
}

static status unpack(spng_ctx *session, void *to, size_t size, enum spng_format format, const char *name)
{
    int code = spng_decode_image(session, to, size, format, 0);
    if (code == 0) code = spng_decode_chunks(session); /* up to the end chunk: a file without it is cut off */
    return code == 0 ? POLYP_OK : failure(code, name);
}

static status unpack_8(polyp_image *out, spng_ctx *session, const struct spng_ihdr *header, const char *name)
{
    const size_t pixels = (size_t)header->width * header->height;
    const int samples = samples_of(header);
    TRY(image_reuse(out, (int)header->width, (int)header->height, samples == 2 ? 1 : samples));
    if (samples != 2) return unpack(session, out->pixels, pixels * (size_t)samples, format_of(header), name);

    unsigned char *const with_alpha = memory_allocate(pixels, 2);
    if (!with_alpha) return POLYP_ERR_MEMORY;
    const status result = unpack(session, with_alpha, pixels * 2, SPNG_FMT_PNG, name);
    for (size_t i = 0; i < pixels; i++) out->pixels[i] = with_alpha[2 * i];
    memory_free(with_alpha);
    return result;
}

static status unpack_16(polyp_image *out, spng_ctx *session, const struct spng_ihdr *header, const char *name)
{
    const size_t pixels = (size_t)header->width * header->height;
    const int step = samples_of(header);
    polyp_image_free(out);
    uint16_t *const samples = memory_allocate(pixels * (size_t)step, sizeof *samples);
    if (!samples) return POLYP_ERR_MEMORY;
    status result = unpack(session, samples, pixels * (size_t)step * sizeof *samples, SPNG_FMT_PNG, name);
    if (result == POLYP_OK)
        result = image_from_16(out, samples, (int)header->width, (int)header->height, step, step == 2 ? 1 : step);
    memory_free(samples);
    return result;
}

static int chunk_orientation(spng_ctx *session)
{
    struct spng_exif exif;
    return spng_get_exif(session, &exif) == 0 ? exif_orientation((const unsigned char *)exif.data, exif.length) : 1;
}

/* Whether the chunks follow one another up to the end of the last: libspng does not look at that one's checksum. */
static bool is_whole(const unsigned char *bytes, size_t size)
{
    enum { SIGNATURE = 8, FRAME = 12 }; /* a chunk's length, type and checksum */
    for (size_t at = SIGNATURE; at <= size && size - at >= FRAME;) {
        const unsigned char *const p = bytes + at;
        const size_t length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (length > size - at - FRAME) return false;
        if (memcmp(p + 4, "IEND", 4) == 0) return true;
        at += FRAME + length;
    }
    return false;
}

static status read_picture(polyp_image *out, int *orientation, spng_ctx *session, bool whole, const char *name)
{
    struct spng_ihdr header;
    const int code = spng_get_ihdr(session, &header);
    if (code != 0) return failure(code, name);
    TRY(image_check_size(header.width, header.height, name));
    if (!whole) return failure(SPNG_IO_EOF, name);
    TRY(header.bit_depth == 16 ? unpack_16(out, session, &header, name) : unpack_8(out, session, &header, name));
    *orientation = chunk_orientation(session);
    return POLYP_OK;
}

status png_decode(polyp_image *out, int *orientation, const unsigned char *bytes, size_t size, const char *name)
{
    polyp_image image = *out;
    *out = (polyp_image){0};
    spng_ctx *const session = spng_ctx_new(0);
    if (!session) {
        polyp_image_free(&image);
        return failure(SPNG_EMEM, name);
    }
    spng_set_chunk_limits(session, extra_chunks_limit, extra_chunks_limit);
    int code = spng_set_png_buffer(session, bytes, size);
    const status result =
        code == 0 ? read_picture(&image, orientation, session, is_whole(bytes, size), name) : failure(code, name);
    spng_ctx_free(session);
    if (result == POLYP_OK) *out = image;
    else polyp_image_free(&image);
    return result;
}

/* ---- encoding ---------------------------------------------------------------------------- */

/* Only 0 and 255, as masks have it? */
FAST_CLONES static bool is_two_valued(const unsigned char *levels, size_t count)
{
    unsigned char others = 0;
    for (size_t i = 0; i < count; i++) others |= (unsigned char)((levels[i] + 1) & 0xfe);
    return others == 0;
}

/* A mask is long runs of equal bytes: looking for nothing else, zlib is eight times as fast and its file is smaller. */
static int expect_runs(spng_ctx *session)
{
    enum { RUNS_ALONE = 3 }; /* Z_RLE of zlib.h */
    const int code = spng_set_option(session, SPNG_FILTER_CHOICE, SPNG_DISABLE_FILTERING);
    return code == 0 ? spng_set_option(session, SPNG_IMG_COMPRESSION_STRATEGY, RUNS_ALONE) : code;
}

static int write_picture(spng_ctx *session, const polyp_image *image)
{
    struct spng_ihdr header = {.width = (uint32_t)image->width, .height = (uint32_t)image->height, .bit_depth = 8};
    header.color_type = image->channels == 1   ? SPNG_COLOR_TYPE_GRAYSCALE
                        : image->channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR
                                               : SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
    int code = spng_set_option(session, SPNG_ENCODE_TO_BUFFER, 1);
    if (code == 0) code = spng_set_ihdr(session, &header);
    const size_t size = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    if (code == 0 && is_two_valued(image->pixels, size)) code = expect_runs(session);
    if (code == 0) code = spng_encode_image(session, image->pixels, size, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    return code;
}

static status hand_over(unsigned char **out, size_t *size, spng_ctx *session)
{
    int code = 0;
    size_t length = 0;
    void *const png = spng_get_png_buffer(session, &length, &code); /* ours, from malloc() */
    if (!png) return failure(code, "new PNG");
    *out = png;
    *size = length;
    return POLYP_OK;
}

status image_encode_png(unsigned char **out, size_t *size, const polyp_image *image)
{
    spng_ctx *const session = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!session) return failure(SPNG_EMEM, "new PNG");
    const int code = write_picture(session, image);
    const status result = code == 0 ? hand_over(out, size, session) : failure(code, "new PNG");
    spng_ctx_free(session);
    return result;
}
