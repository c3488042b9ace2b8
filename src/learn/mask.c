/* Masks as labels. */
#include "learn/mask.h"

#include "media/augment.h"

void mask_labels(float *out, const unsigned char *levels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = levels[i] == MASK_IGNORED ? -1.0f : levels[i] == MASK_POLYP ? 1.0f : 0.0f;
}
