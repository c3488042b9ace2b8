/* What the passes of Winograd's algorithm in f32 share: tiles of all images in a row, and where transformed values lie. */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_F32_CUT_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_F32_CUT_H

#include "base/parts.h"
#include "engine/onednn/winograd_f32.h"
#include "engine/onednn/winograd_f32_steps.h"

/* The tiles of a convolution's result. */
typedef struct tiling_f32 {
    int h, w;             /* pixels of an image */
    int across, of_image; /* tiles of a row, of an image */
    int tiles;            /* of all images, whose tiles follow each other */
} tiling_f32;

static inline tiling_f32 tiling_f32_of(const conv_spec *s)
{
    tiling_f32 t = {.h = s->oh, .w = s->ow, .across = divided_up(s->ow, F32_OUT)};
    t.of_image = t.across * divided_up(s->oh, F32_OUT);
    t.tiles = t.of_image * s->n;
    return t;
}

/* Floats of one block of channels of an image. */
static inline size_t tiling_f32_block(const tiling_f32 *t)
{
    return (size_t)t->h * (size_t)t->w * F32_LANES;
}

/* Some tiles of all images' in a row. */
typedef struct stretch {
    int first, count;
} stretch;

/* What follows the first `done` tiles of a stretch in one image; which image. */
static inline tiles_f32 tiles_f32_of(const tiling_f32 *t, stretch s, int done, size_t *image)
{
    const int tile = s.first + done;
    tiles_f32 r = {.h = t->h, .w = t->w, .across = t->across, .first = tile % t->of_image};
    r.count = at_most(t->of_image - r.first, s.count - done);
    *image = (size_t)(tile / t->of_image);
    return r;
}

/* Tiles lie an odd number of cache lines apart, and points too, so that a column of either is spread over a cache. */
static inline size_t odd_lines(size_t floats)
{
    enum { LINE = 16 };
    return ((floats + LINE - 1) / LINE | 1U) * LINE;
}

/* Floats of one point of so many tiles, or input channels. */
static inline size_t points_f32_point(int tiles, int channels)
{
    return odd_lines((size_t)tiles * odd_lines((size_t)channels));
}

static inline size_t points_f32_floats(int tiles, int channels)
{
    return (size_t)F32_POINTS * points_f32_point(tiles, channels);
}

static inline points_f32 points_f32_at(float *at, int tiles, int channels)
{
    return (points_f32){at, points_f32_point(tiles, channels), odd_lines((size_t)channels)};
}

/* Blocks `first` to `end` of the source's channels. */
static inline void tiling_f32_source(points_f32 to, const tiling_f32 *t, stretch s, const float *source, size_t of_image,
                                     int first, int end)
{
    const size_t block = tiling_f32_block(t);
    for (int done = 0; done < s.count;) {
        size_t image;
        const tiles_f32 r = tiles_f32_of(t, s, done, &image);
        for (int b = first; b < end; b++) {
            points_f32 at = to;
            at.at += (size_t)done * to.tile + (size_t)(b - first) * F32_LANES;
            winograd_f32_source(at, source + image * of_image + (size_t)b * block, &r);
        }
        done += r.count;
    }
}

#endif
