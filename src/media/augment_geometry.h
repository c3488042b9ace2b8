/* Where each pixel of an augmented picture comes from. */
#ifndef POLYP_MEDIA_AUGMENT_GEOMETRY_H
#define POLYP_MEDIA_AUGMENT_GEOMETRY_H

#include "media/augment.h"

/* (x, y) -> ((m0 x + m1 y + m2) / w, (m3 x + m4 y + m5) / w), w = m6 x + m7 y + m8. */
typedef struct homography {
    double m[9];
} homography;

extern const homography HOMOGRAPHY_IDENTITY;

/* First `inner`, then `outer`. */
homography homography_after(const homography *outer, const homography *inner);

typedef struct place {
    double x, y;
} place;

place homography_place(const homography *h, double x, double y);

/*
 * Everything geometric but the elastic part: places of the output to places of a picture of width x height, both with x and
 * y in -1..1 from edge to edge. On the output act, in this order: shift, zoom, scale, aspect, rotation, mirrors and symmetry
 * (all in the picture's own aspect), then the warp on the picture. With those that AUGMENT_FASTAI knows and a square
 * picture this is fastai's Flip * Rotate * Zoom followed by its Warp. A symmetry that swaps the axes swaps the sides of what
 * is seen too.
 */
homography augment_homography(const augment_draws *draws, int width, int height);

/* fastai's find_coeffs for its Warp: the homography that takes the corners (-1 -+ y, -1 -+ x) ... to (+-1, +-1). */
homography homography_warp(double x, double y);

/* Pixel indices of the output to pixel indices of the picture, from a homography between -1..1. Corners aligned: -1 and 1 are
 * the middles of the outermost pixels (fastai). Else they are their outer edges. */
homography augment_pixels(const homography *h, int size, int width, int height, bool corners_aligned);

/* x[i], y[i]: where (first + i + dx[i], row + dy[i]) comes from, i < count. dx and dy NULL: 0. Always finite. */
void augment_row_places(float *x, float *y, const homography *h, double first, double row, const float *dx,
                        const float *dy, int count);

/* The elastic part: smooth random displacements on a lattice, cubic B-splines between. */
enum { ELASTIC_WAVES = 16, ELASTIC_SIDE = ELASTIC_WAVES + 3 };
typedef struct elastic {
    bool on;
    float x[ELASTIC_SIDE][ELASTIC_SIDE], y[ELASTIC_SIDE][ELASTIC_SIDE]; /* displacements in pixels of the output */
    int waves, size;
} elastic;

void elastic_draw(elastic *out, const augment_draw *draw, int size);

/* dx, dy of the pixels of one row (size values each). */
void elastic_row(float *dx, float *dy, const elastic *e, double row);

#endif
