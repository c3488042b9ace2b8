/* Masks as training sees them: at the network's size, as labels. */
#ifndef POLYP_LEARN_MASK_H
#define POLYP_LEARN_MASK_H

#include <stddef.h>

#include "base/status.h"

/* size x size from 1 channel of MASK_... levels: what covers the larger area. `out` is the caller's to free. */
status mask_squish(polyp_image *out, const polyp_image *mask, int size);

/* 1 polyp, 0 none, -1 ignored. */
void mask_labels(float *out, const unsigned char *levels, size_t count);

#endif
