/*
 * Test-time augmentation: the network sees a picture turned and at several sizes, each is undone, then logits are
 * averaged. (fastai's tta() averages without undoing, which is wrong for masks.)
 */
#ifndef POLYP_PREDICT_TURNS_H
#define POLYP_PREDICT_TURNS_H

#include <stddef.h>

#include "base/status.h"

enum { TURNS = 8, SCALES_MOST = 3 };

typedef struct tta_kind {
    const char *name; /* "flips" */
    int turns;        /* 1: as it is; 4: with mirror images; 8: with right angles too */
    int scales;
    double scale[SCALES_MOST]; /* of the model's size, the first is 1 */
} tta_kind;

/*
 * none      one pass
 * flips     4: as it is, mirrored left-right, up-down, both
 * dihedral  8: the same of the picture transposed, that is all right angles and mirror images
 * full      24: those at 1, 0.75 and 1.25 of the model's size
 * NULL is "none". Error: ARGUMENT, with the names.
 */
status tta_find(const tta_kind **out, const char *name);

/* A model's size under a scale: the nearest multiple of 32, at least 32. */
int tta_size(int size, double scale);

/* Planes (planes, n, n) seen by turn 0..7 (0: as they are). */
void turn_apply(float *out, const float *in, size_t planes, int n, int turn);

/* The turn undone: *sum += the plane (n, n) that turn_apply() would have made `in` from. */
void turn_undo_add(float *sum, const float *in, int n, int turn);

#endif
