/* Masks as training sees them: labels. */
#ifndef POLYP_LEARN_MASK_H
#define POLYP_LEARN_MASK_H

#include <stddef.h>

/* From MASK_... levels: 1 polyp, 0 none, -1 ignored. */
void mask_labels(float *out, const unsigned char *levels, size_t count);

#endif
