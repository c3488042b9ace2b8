/* What the passes of Winograd's algorithm in f32 share: where blocks of channels and transformed values lie. */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_F32_CUT_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_F32_CUT_H

#include "engine/onednn/winograd/f32.h"
#include "engine/onednn/winograd/f32_steps.h"

/* Floats of one block of channels of an image. */
static inline size_t tiling_block(const tiling *t)
{
    return (size_t)t->h * (size_t)t->w * F32_LANES;
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
static inline void tiling_source(points_f32 to, const tiling *t, stretch s, const float *source, size_t of_image,
                                     int first, int end)
{
    const size_t block = tiling_block(t);
    for (int done = 0; done < s.count;) {
        size_t image;
        const tile_range r = tile_range_of(t, s, done, &image);
        for (int b = first; b < end; b++) {
            points_f32 at = to;
            at.at += (size_t)done * to.tile + (size_t)(b - first) * F32_LANES;
            winograd_f32_source(at, source + image * of_image + (size_t)b * block, &r);
        }
        done += r.count;
    }
}

#endif
