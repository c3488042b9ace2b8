/* Pictures in memory: their life, reading by content, conversion between channel counts. */
#include "media/image.h"

#include <string.h>

#include "base/clones.h"
#include "base/file.h"
#include "base/memory.h"
#include "media/formats.h"

/* A file this long cannot hold a picture under the limit that is worth reading. */
static const size_t file_limit = (size_t)1 << 30;

/* ---- life -------------------------------------------------------------------------------- */

status image_check_size(uint64_t width, uint64_t height, const char *name)
{
    if (width == 0 || height == 0) return fail(POLYP_ERR_SIZE, "%s: the picture is empty", name);
    if (width > IMAGE_LIMIT_PIXELS / height)
        return fail(POLYP_ERR_SIZE,
                    "%s: %llu x %llu pixels are more than the limit of %zu megapixels; shrink the picture", name,
                    (unsigned long long)width, (unsigned long long)height, IMAGE_LIMIT_PIXELS / 1000000);
    return POLYP_OK;
}

static status check_shape(int width, int height, int channels)
{
    if (width <= 0 || height <= 0)
        return fail(POLYP_ERR_SIZE, "a picture of %d x %d pixels cannot be made", width, height);
    if (channels != 1 && channels != 3 && channels != 4)
        return fail(POLYP_ERR_ARGUMENT, "a picture cannot have %d channels; 1, 3 and 4 are possible", channels);
    return image_check_size((uint64_t)width, (uint64_t)height, "new picture");
}

status image_create(polyp_image *out, int width, int height, int channels)
{
    TRY(check_shape(width, height, channels));
    unsigned char *const pixels = memory_allocate((size_t)width * (size_t)height, (size_t)channels);
    if (!pixels) return POLYP_ERR_MEMORY;
    *out = (polyp_image){.pixels = pixels, .width = width, .height = height, .channels = channels};
    return POLYP_OK;
}

status image_reuse(polyp_image *image, int width, int height, int channels)
{
    unsigned char *pixels = image->pixels;
    *image = (polyp_image){0};
    status result = check_shape(width, height, channels);
    if (result == POLYP_OK) result = memory_reuse(&pixels, (size_t)width * (size_t)height * (size_t)channels);
    if (result == POLYP_OK)
        *image = (polyp_image){.pixels = pixels, .width = width, .height = height, .channels = channels};
    else memory_free(pixels);
    return result;
}

void polyp_image_free(polyp_image *image)
{
    if (!image) return;
    memory_free(image->pixels);
    *image = (polyp_image){0};
}

/* ---- reading ----------------------------------------------------------------------------- */

typedef struct file_format {
    const char *start; /* first bytes of such a file */
    size_t length;
    status (*decode)(polyp_image *, int *, const unsigned char *, size_t, const char *);
} file_format;

static const file_format formats[] = {
    {"\xff\xd8\xff", 3, jpeg_decode},
    {"\x89PNG\r\n\x1a\n", 8, png_decode},
    {"II*\0", 4, tiff_decode}, /* little endian */
    {"MM\0*", 4, tiff_decode}, /* big endian */
    {"II+\0", 4, tiff_decode}, /* the same with 64-bit offsets */
    {"MM\0+", 4, tiff_decode},
};

/* As it is stored. */
static status decode_stored(polyp_image *out, int *orientation, const void *bytes, size_t size, const char *name)
{
    if (size == 0) return fail(POLYP_ERR_FORMAT, "%s: is empty", name);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const file_format *const f = &formats[i];
        if (size < f->length || memcmp(bytes, f->start, f->length) != 0) continue;
        return f->decode(out, orientation, bytes, size, name);
    }
    return fail(POLYP_ERR_FORMAT, "%s: is not a JPEG, PNG or TIFF picture", name);
}

static status decode_turned(polyp_image *out, image_facts *facts, const void *bytes, size_t size, const char *name)
{
    int found = 1;
    status result = decode_stored(out, &found, bytes, size, name);
    if (result == POLYP_OK) result = image_turn_upright(out, found);
    if (result != POLYP_OK) {
        polyp_image_free(out);
        return result;
    }
    *facts = (image_facts){found >= 1 && found <= 8 ? found : 1, *(const unsigned char *)bytes == 0xff};
    return POLYP_OK;
}

status image_decode(polyp_image *out, const void *bytes, size_t size, const char *name)
{
    image_facts facts;
    polyp_image image = {0};
    TRY(decode_turned(&image, &facts, bytes, size, name));
    *out = image;
    return POLYP_OK;
}

status image_read_facts(polyp_image *out, image_facts *facts, const char *path)
{
    file_bytes file = {0};
    polyp_image image = {0};
    TRY(file_read(&file, path, file_limit));
    const status result = decode_turned(&image, facts, file.data, file.size, path);
    file_close(&file);
    if (result == POLYP_OK) *out = image;
    return result;
}

status image_read(polyp_image *out, const char *path)
{
    image_facts facts;
    return image_read_facts(out, &facts, path);
}

status image_read_into(polyp_image *out, file_bytes *file, const char *path)
{
    image_facts facts;
    status result = file_read_into(file, path, file_limit);
    if (result == POLYP_OK) return decode_turned(out, &facts, file->data, file->size, path);
    polyp_image_free(out);
    return result;
}

/* ---- conversion -------------------------------------------------------------------------- */

static size_t pixel_count(const polyp_image *image)
{
    return (size_t)image->width * (size_t)image->height;
}

static uint16_t largest_sample(const uint16_t *samples, size_t pixels, int step, int channels)
{
    uint16_t largest = 0;
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c++) {
            const uint16_t v = samples[i * (size_t)step + (size_t)c];
            if (v > largest) largest = v;
        }
    return largest;
}

status image_from_16(polyp_image *out, const uint16_t *samples, int width, int height, int step, int channels)
{
    polyp_image image;
    TRY(image_create(&image, width, height, channels));
    const size_t pixels = pixel_count(&image);
    /* Masks are often saved as 16-bit numbers 0..255: scaling those would leave a black picture. */
    const bool as_they_are = largest_sample(samples, pixels, step, channels) <= 255;
    unsigned char *to = image.pixels;
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c++) {
            const uint32_t v = samples[i * (size_t)step + (size_t)c];
            *to++ = (unsigned char)(as_they_are ? v : (v * 255 + 32767) / 65535);
        }
    *out = image;
    return POLYP_OK;
}

status image_to_rgb_into(polyp_image *out, const polyp_image *in)
{
    TRY(image_reuse(out, in->width, in->height, 3));
    const size_t pixels = pixel_count(in), step = (size_t)in->channels;
    if (step == 3) memcpy(out->pixels, in->pixels, pixels * 3);
    for (size_t i = 0; step != 3 && i < pixels; i++)
        for (size_t c = 0; c < 3; c++) out->pixels[i * 3 + c] = in->pixels[i * step + (step == 1 ? 0 : c)];
    return POLYP_OK;
}

status image_to_rgb(polyp_image *out, const polyp_image *in)
{
    polyp_image image = {0};
    TRY(image_to_rgb_into(&image, in));
    *out = image;
    return POLYP_OK;
}

/* .299, .587 and .114 in 65536ths, as PIL has them. `step` is a constant at each call. */
static inline __attribute__((always_inline)) void weigh_colours(unsigned char *restrict out, const unsigned char *in,
                                                                size_t pixels, size_t step)
{
    for (size_t i = 0; i < pixels; i++) {
        const unsigned char *const p = in + i * step;
        out[i] = (unsigned char)((19595U * p[0] + 38470U * p[1] + 7471U * p[2] + 0x8000U) >> 16);
    }
}

FAST_CLONES static void grey_pixels(unsigned char *out, const unsigned char *in, size_t pixels, int channels)
{
    if (channels == 3) weigh_colours(out, in, pixels, 3);
    else weigh_colours(out, in, pixels, 4);
}

status image_to_grey(polyp_image *out, const polyp_image *in)
{
    polyp_image image;
    TRY(image_create(&image, in->width, in->height, 1));
    const size_t pixels = pixel_count(in);
    if (in->channels == 1) memcpy(image.pixels, in->pixels, pixels);
    else grey_pixels(image.pixels, in->pixels, pixels, in->channels);
    *out = image;
    return POLYP_OK;
}

/* ---- writing ----------------------------------------------------------------------------- */

static status write_and_free(const char *path, unsigned char *bytes, size_t size)
{
    const status result = file_replace(path, bytes, size);
    memory_free(bytes);
    return result;
}

status image_write_png(const polyp_image *image, const char *path)
{
    unsigned char *bytes;
    size_t size;
    TRY(image_encode_png(&bytes, &size, image));
    return write_and_free(path, bytes, size);
}

status image_write_jpeg(const polyp_image *image, const char *path, int quality)
{
    unsigned char *bytes;
    size_t size;
    TRY(image_encode_jpeg(&bytes, &size, image, quality));
    return write_and_free(path, bytes, size);
}
