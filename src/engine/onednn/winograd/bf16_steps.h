/* The three steps of a piece of work, which bf16.c cuts and orders: in plain C, and by AVX512_BF16. */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_BF16_STEPS_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_BF16_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/onednn/winograd/tiles.h"

enum {
    BF16_POINTS = 16,    /* of a tile, 4 x 4 */
    BF16_LANES = 16,     /* channels of a block */
    BF16_MOST_TILES = 14 /* that are multiplied at once */
};

typedef uint16_t bf16; /* the upper half of an f32 */

/* To the nearest, ties to even; of what is no number, the upper half with the bit that keeps it so. */
static inline bf16 winograd_bf16_narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    return (bf16)((value != value ? bits | 0x400000U : rounded) >> 16);
}

/* Blocks of output channels that are multiplied at once: a group. */
static inline int winograd_bf16_vectors(int oc)
{
    return oc % (2 * BF16_LANES) == 0 ? 2 : 1;
}

struct winograd_bf16_steps {
    /* One block of channels: v[point * points + tile * LANES + lane], tile 0 the first of the range. Pixels around the
     * image are 0. */
    void (*source)(bf16 *v, size_t points, const bf16 *image, const tile_range *r);

    /* An even number of tiles, `vectors` (1 or 2) blocks of output channels: m[tile][vectors * LANES] = the sum over
     * channels, of which v has `blocks` blocks, `apart` values from one to the next, and
     * u[channel / 2][vectors * LANES][channel % 2]. */
    void (*multiply)(float *m, const bf16 *v, size_t apart, const bf16 *u, int blocks, int vectors, int tiles);

    /* One block of output channels from m[point * points + tile * tiles + lane]; nothing outside the image is
     * written. */
    void (*result)(bf16 *image, const float *m, size_t points, size_t tiles, const tile_range *r,
                   const tile_tail *tail);
};

#endif
