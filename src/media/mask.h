/* Masks of MASK_... levels made smaller. */
#ifndef POLYP_MEDIA_MASK_H
#define POLYP_MEDIA_MASK_H

#include "base/status.h"

/* width x height from 1 channel of MASK_BACKGROUND, MASK_IGNORED and MASK_POLYP (media/augment.h): polyp where at least
 * half of the covered area is, then ignored likewise: its level is no half of a polyp. Errors: SIZE, MEMORY. */
status mask_shrink(polyp_image *out, const polyp_image *mask, int width, int height);

#endif
