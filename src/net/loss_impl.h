/* What the losses share: one table of functions per family, slices, working memory. */
#ifndef POLYP_NET_LOSS_IMPL_H
#define POLYP_NET_LOSS_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clones.h"
#include "net/loss.h"

/* gcc's OpenMP runtime is not built for the thread sanitizer, which then sees races that are none. */
#if defined(_OPENMP) && !defined(__SANITIZE_THREAD__)
#define PARALLEL_FOR _Pragma("omp parallel for schedule(static)")
#else
#define PARALLEL_FOR
#endif

/* Every picture is cut into so many slices; each is summed by one thread, and the slices are added in their order. */
enum { LOSS_SLICES = 16 };

/* Pixels of one slice, or of a whole picture. weights NULL: 1. */
typedef struct pixels {
    const float *logits, *masks, *weights;
    size_t count;
} pixels;

/* Sums over pixels that are not ignored; w: the pixel's weight. */
typedef struct loss_sums {
    double count;
    double cross_entropy;                        /* of the focal loss: weighted by it */
    double weight, weighted_cross_entropy;       /* of w, of w times the cross-entropy */
    double overlap, predicted, labelled;         /* of w p t, w p, w t */
    double poison; /* 0; NaN when a logit is not finite: sigmoid(infinity) alone would hide it */
} loss_sums;

/* d loss / d z = (pixel + weighted w) (p - t) + w (label t + constant) p (1 - p). Of the focal loss: pixel alone. */
typedef struct loss_slopes {
    double pixel, weighted, label, constant;
} loss_slopes;

/* One radix sort's keys and places. */
typedef struct sort_item {
    uint32_t key, place;
} sort_item;

struct loss_function {
    loss_spec spec;
    shape room;          /* opened for so much */
    loss_sums *slices;   /* [n * LOSS_SLICES] */
    loss_sums *pictures; /* [n] */
    float *weights;      /* structure: [n h w] */
    double *columns;     /* structure: [n w] */
    sort_item *items;    /* Lovasz: [2 n h w] */
    double *values;      /* Lovasz: [n] */
};

/* loss_overlap.c: cross-entropy and overlap of one slice; its gradient. */
void overlap_sums(loss_sums *out, const pixels *p);
void overlap_gradient(float *out, const pixels *p, const loss_slopes *k);

/* loss_focal.c */
void focal_sums(loss_sums *out, const pixels *p, const loss_spec *spec);
void focal_gradient(float *out, const pixels *p, double scale, const loss_spec *spec);

/* loss_lovasz.c: value of one picture; `scale` times its gradient (NULL: not wanted). items: [2 count]. */
double lovasz_picture(float *gradient, const pixels *p, double scale, sort_item *items);

/* loss_border.c: the structure losses' weights of one picture; columns: [w]. */
void border_weights(float *weights, const float *masks, int h, int w, const loss_spec *spec, double *columns);

#endif
