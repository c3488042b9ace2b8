/* Resizing. All of them map pixel centres to pixel centres (half-pixel convention). */
#ifndef POLYP_MEDIA_RESIZE_H
#define POLYP_MEDIA_RESIZE_H

#include <stdint.h>

#include "base/status.h"

/* PIL's Image.resize(BILINEAR): a triangle filter widened when shrinking; within 1 level of it. Any channel count.
 * One axis after the other, 8 bits between, as PIL does; which goes first is chosen for speed, and moves a result by 1
 * level at most. Errors: SIZE (not positive), MEMORY. */
status resize_bilinear(polyp_image *out, const polyp_image *in, int width, int height);

/* How each position along one axis is mixed: weights[i * most + k] belongs to first[i] + k, and is 0 from count[i] to `taps`,
 * the largest count. */
typedef struct resize_mixture {
    int *first, *count;
    int32_t *weights;
    double *scratch;
    int from, size, most, taps; /* `from` pixels become `size` */
} resize_mixture;

/* What bilinear resizing keeps from picture to picture: {0} at first, resize_kept_free() it. */
typedef struct resize_kept {
    resize_mixture rows, columns;
    polyp_image between; /* of the two passes */
} resize_kept;

/* resize_bilinear() in the memory of *out, {0} at first; nothing is allocated once the largest was seen. {0} on failure. */
status resize_bilinear_into(polyp_image *out, const polyp_image *in, int width, int height, resize_kept *kept);
void resize_kept_free(resize_kept *kept);

/* Mean over the covered area, edge pixels by their share; round to nearest. For shrinking masks (then > 127). */
status resize_area(polyp_image *out, const polyp_image *in, int width, int height);

/* Source pixel floor((x + 0.5) * in / out): PIL's NEAREST. */
status resize_nearest(polyp_image *out, const polyp_image *in, int width, int height);

#endif
