/* What is left of a picture to tell near-duplicates: its shading as bits and its colours, dark borders cut off. */
#ifndef POLYP_LEARN_SIGNATURE_H
#define POLYP_LEARN_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include <polyp.h>

enum {
    SIGNATURE_SIDE = 16, /* shading is compared on a 16 x 16 grid, colours on an 8 x 8 one */
    SIGNATURE_BITS = 2 * SIGNATURE_SIDE * (SIGNATURE_SIDE - 1),
    SIGNATURE_WORDS = (SIGNATURE_BITS + 63) / 64,
    SIGNATURE_COLOURS = SIGNATURE_SIDE / 2 * (SIGNATURE_SIDE / 2) * 3,
};

typedef struct signature {
    uint64_t bits[SIGNATURE_WORDS]; /* is a cell brighter than its left, its upper neighbour? */
    uint8_t colours[SIGNATURE_COLOURS];
} signature;

/* Part of a picture in pixels; right and bottom: one past the last. */
typedef struct signature_window {
    int left, top, right, bottom;
} signature_window;

/* The part of a picture (3 channels) inside its dark borders; all of it where nothing is lit. */
signature_window signature_lit(const polyp_image *picture);

/* picture: 3 channels, any size. */
void signature_of(signature *out, const polyp_image *picture);

/* How far two pictures are apart: per cent of the bits that differ plus the median difference of the colours in levels.
 */
double signature_distance(const signature *a, const signature *b);

/* signature_distance() at most SIGNATURE_NEAR (see signature.c for what that was seen to mean). */
bool signature_near(const signature *a, const signature *b);

#endif
