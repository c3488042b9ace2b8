/* Drawn frames that look enough like colonoscopy that a network must learn shape and texture, not one colour. */
#ifndef POLYP_MEDIA_SYNTH_H
#define POLYP_MEDIA_SYNTH_H

#include <stdint.h>

#include "base/status.h"

typedef struct synth_facts {
    int polyps; /* 0 .. 3 */
} synth_facts;

/*
 * Frame number `index` of the stream `seed`: lit mucosa, folds, vessels, specular highlights, dark corners, blur and
 * noise; polyps of varied size, shape (sessile, pedunculated, flat), colour and texture, about one frame in ten
 * without. picture: 3 channels, mask: 1 channel, 0 or 255; both new, width x height (32 or more). The same numbers give
 * the same bytes. Errors: SIZE (too small, too large), MEMORY.
 */
status synth_draw(polyp_image *picture, polyp_image *mask, synth_facts *facts, uint64_t seed, uint64_t index, int width,
                  int height);

#endif
