/*
 * Losses on logits: value and gradient. Masks hold 0 or 1; any value between is a soft label; a pixel below 0 is ignored:
 * it adds nothing to any sum and gets a gradient of 0.
 *
 * With p = sigmoid(z), "each picture" losses are the mean over the pictures of the batch.
 */
#ifndef POLYP_NET_LOSS_H
#define POLYP_NET_LOSS_H

#include "net/tensor.h"

enum loss_kind {
    LOSS_BCE,      /* mean over the batch's pixels of softplus(z) - t z: equals fastai's two-class cross-entropy */
    LOSS_DICE,     /* each picture: 1 - (2 sum p t + smooth) / (sum p + sum t + smooth) (Milletari et al. 2016) */
    LOSS_BCE_DICE, /* cross-entropy + dice * the Dice loss */
    LOSS_FOCAL,    /* mean over the batch's pixels of cross-entropy * (1 - p_t)^gamma * balance (Lin et al. 2017) */
    LOSS_TVERSKY,  /* each picture: 1 - (I + smooth) / (I + alpha (P - I) + beta (T - I) + smooth), I = sum p t, P = sum p, T
                    * = sum t (Salehi et al. 2017) */
    LOSS_LOVASZ,   /* each picture: the Lovasz hinge (Berman et al. 2018); labels above 1/2 count as 1 */
    LOSS_STRUCTURE, /* PraNet's (Fan et al. 2020) as its published code computes it: plain cross-entropy + weighted IoU */
    LOSS_STRUCTURE_INTENDED, /* as its paper means it: both parts are weighted */
    LOSS_KINDS
};

#define LOSS_CHOICES "bce|dice|bce+dice|focal|tversky|lovasz|structure|structure-intended" /* in the order of the enum */

/* Both structure losses weigh a pixel by w = 1 + border |mean of t over (2 radius + 1)^2 pixels - t|, places outside the
 * picture counting as 0, and add the weighted IoU of each picture: 1 - (I + smooth) / (P + T - I + smooth), sums with w. */

/* A kind reads the numbers that its formula names. */
typedef struct loss_spec {
    enum loss_kind kind;
    double smooth;      /* above 0: 1 */
    double dice;        /* 1 */
    double gamma;       /* 2 */
    double balance;     /* focal: of polyps, and 1 - balance of the rest; below 0: none of both (their alpha): .25 */
    double alpha, beta; /* of what is too much, of what is missed: .3 .7 */
    double border;      /* 5 */
    int radius;         /* pixels: 15 */
} loss_spec;

/* Cross-entropy; every number as above. */
loss_spec loss_defaults(void);

/* A loss with its working memory, for logits of up to this shape. loss_close() it. Error: MEMORY. */
typedef struct loss_function loss_function;
status loss_open(loss_function **out, const loss_spec *spec, shape logits);
void loss_close(loss_function *l);

/* logits, masks (n, 1, h, w); gradient of the same shape is overwritten (NULL: not wanted). Returns the value; NaN and
 * infinities in the logits reach the value. Sums in double, in an order that does not depend on threads. */
double loss_compute(loss_function *l, tensor *gradient, const tensor *logits, const tensor *masks);

/*
 * Masks for coarser logits, as auxiliary heads have: `out` (n, 1, h / k, w / k) gets the mean of each k x k block of
 * `masks`, over its pixels that are not ignored; -1 where all are.
 */
void loss_shrink_masks(tensor *out, const tensor *masks);

#endif
