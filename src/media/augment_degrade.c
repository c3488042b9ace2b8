/* What lens, sensor, recorder and file do to a picture; and cutout. */
#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"
#include "base/random.h"
#include "media/augment_impl.h"
#include "media/image.h"
#include "media/resize.h"

/* ---- blur ----------------------------------------------------------------------------------------------- */

enum { REACH_MOST = 30 }; /* three times the largest sigma */

FAST_CLONES static void add_weighted(float *restrict out, const float *restrict in, float weight, int count)
{
    for (int i = 0; i < count; i++) out[i] += weight * in[i];
}

static int fill_weights(float weights[REACH_MOST + 1], double sigma)
{
    const int reach = (int)fmin(ceil(3 * sigma), REACH_MOST);
    double sum = 0;
    for (int i = 0; i <= reach; i++) sum += (i ? 2 : 1) * exp(-i * i / (2 * sigma * sigma));
    for (int i = 0; i <= reach; i++) weights[i] = (float)(exp(-i * i / (2 * sigma * sigma)) / sum);
    return reach;
}

/* Mirrored at the middles of the outermost pixels; right for all that lies less than one picture outside. */
static int mirror(int at, int size)
{
    const int positive = at < 0 ? -at : at, folded = positive < size ? positive : 2 * (size - 1) - positive;
    return folded < 0 ? 0 : folded;
}

/* padded: size + 2 reach values */
static void blur_plane(float *plane, float *scratch, float *padded, const float *weights, int reach, int size)
{
    const size_t width = (size_t)size;
    memset(scratch, 0, width * width * sizeof *scratch);
    for (int row = 0; row < size; row++) {
        for (int k = -reach; k <= reach; k++)
            add_weighted(scratch + (size_t)row * width, plane + (size_t)mirror(row + k, size) * width,
                         weights[k < 0 ? -k : k], size);
    }
    memset(plane, 0, width * width * sizeof *plane);
    for (int row = 0; row < size; row++) {
        const float *const from = scratch + (size_t)row * width;
        memcpy(padded + reach, from, width * sizeof *padded);
        for (int k = 1; k <= reach; k++) {
            padded[reach - k] = from[mirror(-k, size)];
            padded[reach + size - 1 + k] = from[mirror(size - 1 + k, size)];
        }
        for (int k = -reach; k <= reach; k++)
            add_weighted(plane + (size_t)row * width, padded + reach + k, weights[k < 0 ? -k : k], size);
    }
}

void blur_apply(float *levels, augment_room *room, const augment_draw *draw)
{
    float weights[REACH_MOST + 1];
    if (!draw->on || draw->value[0] <= 0) return;
    const int reach = fill_weights(weights, draw->value[0]);
    const size_t plane = (size_t)room->size * (size_t)room->size;
    for (size_t c = 0; c < 3; c++)
        blur_plane(levels + c * plane, room->plane, room->plane + plane, weights, reach, room->size);
}

/* ---- noise ---------------------------------------------------------------------------------------------- */

/* Chris Wellons' "lowbias32": every bit of the input changes every bit of the output about half the time. */
static inline __attribute__((always_inline)) uint32_t hash32(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7feb352d;
    x = (x ^ x >> 15) * 0x846ca68b;
    return x ^ x >> 16;
}

/* Four even bytes added are nearly normal: mean 510, variance 4 (256^2 - 1) / 12. */
FAST_CLONES static void add_noise(float *levels, uint32_t seed, float deviation, size_t count)
{
    const float scale = deviation / 147.8005f;
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = hash32((uint32_t)i * 0x9e3779b9 + seed);
        const int32_t sum = (int32_t)((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24));
        const float noisy = levels[i] + scale * (float)(sum - 510), positive = noisy > 0.0f ? noisy : 0.0f;
        levels[i] = positive < 255.0f ? positive : 255.0f;
    }
}

void noise_apply(float *levels, const augment_draw *draw, size_t values)
{
    if (draw->on) add_noise(levels, (uint32_t)(draw->seed >> 32), (float)draw->value[0], values);
}

/* ---- through bytes: smaller and large again, JPEG ------------------------------------------------------- */

FAST_CLONES static void to_bytes(unsigned char *rgb, const float *levels, size_t plane)
{
    for (size_t i = 0; i < plane; i++) {
        rgb[3 * i] = (unsigned char)(int32_t)(levels[i] + 0.5f);
        rgb[3 * i + 1] = (unsigned char)(int32_t)(levels[i + plane] + 0.5f);
        rgb[3 * i + 2] = (unsigned char)(int32_t)(levels[i + 2 * plane] + 0.5f);
    }
}

FAST_CLONES static void from_bytes(float *levels, const unsigned char *rgb, size_t plane)
{
    for (size_t i = 0; i < plane; i++) {
        levels[i] = (float)rgb[3 * i];
        levels[i + plane] = (float)rgb[3 * i + 1];
        levels[i + 2 * plane] = (float)rgb[3 * i + 2];
    }
}

static void replace(polyp_image *old, polyp_image new)
{
    polyp_image_free(old);
    *old = new;
}

static status down_and_up(polyp_image *picture, double factor)
{
    const int size = picture->width, less = (int)fmax(round(size * factor), 1);
    polyp_image small, large;
    TRY(resize_bilinear(&small, picture, less, less));
    const status result = resize_bilinear(&large, &small, size, size);
    polyp_image_free(&small);
    if (result == POLYP_OK) replace(picture, large);
    return result;
}

static status through_jpeg(polyp_image *picture, double quality)
{
    unsigned char *bytes;
    size_t size;
    polyp_image again;
    TRY(image_encode_jpeg(&bytes, &size, picture, (int)round(quality)));
    const status result = image_decode(&again, bytes, size, "a picture compressed for training");
    memory_free(bytes);
    if (result == POLYP_OK) replace(picture, again);
    return result;
}

status recording_apply(float *levels, augment_room *room, const augment_draws *draws)
{
    const augment_draw *const smaller = &draws->of[AUGMENT_DOWN_AND_UP], *const jpeg = &draws->of[AUGMENT_JPEG];
    const size_t plane = (size_t)room->size * (size_t)room->size;
    if (!smaller->on && !jpeg->on) return POLYP_OK;
    to_bytes(room->bytes.pixels, levels, plane);
    if (smaller->on) TRY(down_and_up(&room->bytes, smaller->value[0]));
    if (jpeg->on) TRY(through_jpeg(&room->bytes, jpeg->value[0]));
    from_bytes(levels, room->bytes.pixels, plane);
    return POLYP_OK;
}

/* ---- cutout --------------------------------------------------------------------------------------------- */

static void fill_square(float *plane, float level, int size, int left, int top, int side)
{
    for (int y = top; y < top + side; y++) {
        for (int x = left; x < left + side; x++) plane[(size_t)y * (size_t)size + (size_t)x] = level;
    }
}

/* DeVries, Taylor: "Improved regularization of convolutional neural networks with cutout" (2017), with several holes. */
void cutout_apply(float *levels, const augment_draw *draw, int size)
{
    if (!draw->on) return;
    random_stream r = {draw->seed};
    const size_t plane = (size_t)size * (size_t)size;
    const int side = (int)fmin(fmax(round(draw->value[1] * size), 1), size);
    float mean[3];
    for (size_t c = 0; c < 3; c++) {
        double sum = 0;
        for (size_t i = 0; i < plane; i++) sum += (double)levels[c * plane + i];
        mean[c] = (float)(sum / (double)plane);
    }
    for (int hole = (int)round(draw->value[0]); hole > 0; hole--) {
        const int left = (int)random_below(&r, (uint64_t)(size - side + 1));
        const int top = (int)random_below(&r, (uint64_t)(size - side + 1));
        for (size_t c = 0; c < 3; c++) fill_square(levels + c * plane, mean[c], size, left, top, side);
    }
}
