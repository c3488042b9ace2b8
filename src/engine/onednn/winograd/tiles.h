/* What Winograd's algorithm in each precision shares: the tiles of a convolution's result, those of all images in a row. */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_TILES_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_TILES_H

#include "base/parts.h"
#include "engine/onednn/dnn.h"

typedef struct tiling {
    int h, w;             /* pixels of an image */
    int across, of_image; /* tiles of a row, of an image */
    int tiles;            /* of all images */
} tiling;

/* side: pixels of a tile's side. */
static inline tiling tiling_of(const conv_spec *s, int side)
{
    tiling t = {.h = s->oh, .w = s->ow, .across = divided_up(s->ow, side)};
    t.of_image = t.across * divided_up(s->oh, side);
    t.tiles = t.of_image * s->n;
    return t;
}

/* Some tiles of all images'. */
typedef struct stretch {
    int first, count;
} stretch;

/* Some tiles of one image in the order of rows. */
typedef struct tile_range {
    int h, w;   /* of the image, pixels */
    int across; /* tiles of a row */
    int first, count;
} tile_range;

/* What follows the first `done` tiles of a stretch in one image; which image. */
static inline tile_range tile_range_of(const tiling *t, stretch s, int done, size_t *image)
{
    const int tile = s.first + done;
    tile_range r = {.h = t->h, .w = t->w, .across = t->across, .first = tile % t->of_image};
    r.count = at_most(t->of_image - r.first, s.count - done);
    *image = (size_t)(tile / t->of_image);
    return r;
}

/* What becomes of a block of output channels. */
typedef struct tile_tail {
    const float *bias; /* of the block */
    bool sum, relu;
} tile_tail;

#endif
