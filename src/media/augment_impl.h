/* What augment's files share. Pictures in the making are three planes of levels 0..255: (3, size, size), R G B. */
#ifndef POLYP_MEDIA_AUGMENT_IMPL_H
#define POLYP_MEDIA_AUGMENT_IMPL_H

#include "media/augment.h"
#include "media/augment_geometry.h"
#include "media/colour.h"

/* ---- resampling (augment_resample.c) ---------------------------------------------------------------- */

/* One picture as R | G << 8 | B << 16, so that one load fetches a pixel; its last column and row are there twice. */
typedef struct packed_picture {
    uint32_t *pixels; /* (height + 1, width + 1) */
    uint32_t *sums;   /* of one row of blocks: 3 * picture width */
    size_t room, sums_room;
    int width, height;
} packed_picture;

void packed_free(packed_picture *p);

/* Means of blocks of `block` x `block` pixels (1: the pixels themselves); what is left over at the end makes a smaller block. */
status packed_fill(packed_picture *out, const polyp_image *picture, int block);

/* Scratch for the places of one row. */
typedef struct place_rows {
    float *x, *y, *dx, *dy, *share; /* size values each */
} place_rows;

/*
 * Pixel (i, j) of the output is the mean of taps x taps bilinear samples of `picture`, spread over the pixel. `h` takes pixel
 * indices of the output to pixel indices of `picture`. Outside lies black or the picture mirrored at the middles of its
 * outermost pixels.
 */
void resample_picture(float *levels, const packed_picture *picture, const homography *h, const elastic *bent, int taps,
                      bool black, int size, const place_rows *rows);

/* The nearest pixel's level; halves go to the even one (torch's grid_sample). Outside: background, or mirrored. */
void resample_mask(unsigned char *out, const polyp_image *mask, const homography *h, const elastic *bent, bool black,
                   int size, const place_rows *rows);

/* ---- on the resampled picture ----------------------------------------------------------------------- */

struct augment_room {
    int size;
    packed_picture packed;
    float *rows_block; /* what `rows` points into */
    place_rows rows;
    float *plane;      /* two planes: (2, size, size) */
    polyp_image bytes; /* RGB, size x size */
};

/* All take levels (3, size, size), and do nothing where their draws are off. */
void lighting_apply(float *levels, const augment_draws *draws, size_t count);
void colours_apply(float *levels, const augment_draws *draws, size_t plane);
void blur_apply(float *levels, augment_room *room, const augment_draw *draw);
void noise_apply(float *levels, const augment_draw *draw, size_t count);
void border_apply(float *levels, unsigned char *mask, const augment_draw *draw, int size);
void inset_apply(float *levels, unsigned char *mask, const augment_draw *draw, int size);
status recording_apply(float *levels, augment_room *room, const augment_draws *draws);
void cutout_apply(float *levels, const augment_draw *draw, int size);

#endif
