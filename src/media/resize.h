/* Resizing. All of them map pixel centres to pixel centres (half-pixel convention). */
#ifndef POLYP_MEDIA_RESIZE_H
#define POLYP_MEDIA_RESIZE_H

#include "base/status.h"

/* PIL's Image.resize(BILINEAR): a triangle filter widened when shrinking; within 1 level of it. Any channel count.
 * One axis after the other, 8 bits between, as PIL does; which goes first is chosen for speed, and moves a result by 1
 * level at most. Errors: SIZE (not positive), MEMORY. */
status resize_bilinear(polyp_image *out, const polyp_image *in, int width, int height);

/* Mean over the covered area, edge pixels by their share; round to nearest. For shrinking masks (then > 127). */
status resize_area(polyp_image *out, const polyp_image *in, int width, int height);

/* Source pixel floor((x + 0.5) * in / out): PIL's NEAREST. */
status resize_nearest(polyp_image *out, const polyp_image *in, int width, int height);

#endif
