/*
 * The steps of a piece of work of Winograd's algorithm F(4x4, 3x3) in f32, which f32.c and
 * f32_gradient.c cut and order. Blocks have 8 channels, a register of AVX2.
 *
 * What is transformed lies as [point][tile][channel], with places of its own from one point and one tile to the next.
 */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_F32_STEPS_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_F32_STEPS_H

#include <stddef.h>

#include "engine/onednn/winograd/tiles.h"

enum {
    F32_OUT = 4,     /* pixels of a tile's side */
    F32_SIDE = 6,    /* points of a tile's side, and pixels that its result is made of */
    F32_POINTS = F32_SIDE * F32_SIDE,
    F32_TAPS = 3,
    F32_LANES = 8,   /* channels of a block */
    F32_GROUP = 16,  /* output channels that are multiplied at once */
    F32_TILES = 6    /* tiles, or input channels of a gradient, that are multiplied at once */
};

/* Where transformed values lie: those of one point, of one tile, in floats. */
typedef struct points_f32 {
    float *at;
    size_t point, tile;
} points_f32;

/* One block of channels of the source; pixels outside the image are 0. */
void winograd_f32_source(points_f32 to, const float *image, const tile_range *r);

/* One block of channels of the result's gradient, for the gradient of the weights. */
void winograd_f32_result_gradient(points_f32 to, const float *image, const tile_range *r);

/* One block of output channels; nothing outside the image is written. */
void winograd_f32_result(float *image, points_f32 from, const tile_range *r, const tile_tail *tail);

/* Of one point: m[tile][F32_GROUP] = the sum over channels of v[tile][channel] * u[channel][F32_GROUP]; m and v have
 * their own places from tile to tile. */
void winograd_f32_multiply(float *m, size_t m_tile, const float *v, size_t v_tile, const float *u, int channels, int tiles);

/* Of one point: m[channel][F32_GROUP] += the sum over tiles of v[tile][channel] * d[tile][F32_GROUP]. */
void winograd_f32_gather(float *m, size_t m_channel, const points_f32 *v, const points_f32 *d, int channels, int tiles);

/* Taps [3 * y + x], `tap` floats apart, of F32_GROUP output channels and one input channel, to points `point` floats
 * apart. */
void winograd_f32_taps(float *to, size_t point, const float *taps, size_t tap);

/* One input channel and one block of output channels: points `point` floats apart to the gradients of nine taps. */
void winograd_f32_tap_gradients(float *to, size_t y_stride, size_t x_stride, const float *m, size_t point);

#endif
