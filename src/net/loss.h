/* Losses on logits: value and gradient. Masks hold 0 or 1 (any value between is a soft label). */
#ifndef POLYP_NET_LOSS_H
#define POLYP_NET_LOSS_H

#include "net/tensor.h"

enum loss_kind {
    LOSS_BCE,      /* mean over all pixels of the batch of softplus(z) - t z: equals fastai's two-class cross-entropy */
    LOSS_DICE,     /* 1 - mean over pictures of (2 sum p t + 1) / (sum p + sum t + 1), p = sigmoid(z) */
    LOSS_BCE_DICE  /* the sum of both */
};

status loss_parse(enum loss_kind *out, const char *name); /* "bce", "dice", "bce+dice"; ARGUMENT lists them */
const char *loss_name(enum loss_kind kind);

/* logits, masks (n, 1, h, w); gradient of the same shape is overwritten (NULL: not wanted). Returns the value; NaN and
 * infinities in the logits reach the value. Sums in double, in an order that does not depend on threads. */
double loss_compute(enum loss_kind kind, tensor *gradient, const tensor *logits, const tensor *masks);

#endif
