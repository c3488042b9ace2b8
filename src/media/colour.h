/* Colours of whole pictures: CIELAB statistics, carried from one picture to another. */
#ifndef POLYP_MEDIA_COLOUR_H
#define POLYP_MEDIA_COLOUR_H

#include "base/status.h"

/* Mean and standard deviation of L*, a*, b* (CIE 1976, D65, from sRGB) over pixels that are not nearly black: frames and
 * corners of the endoscope do not count. */
typedef struct colour_statistics {
    float mean[3], deviation[3];
} colour_statistics;

/* `picture` has 3 channels. Large pictures are looked at in steps. A picture that is black all over gives means of 0 and
 * deviations of 1. */
void colour_statistics_find(colour_statistics *out, const polyp_image *picture);

/*
 * Reinhard, Adhikhmin, Gooch, Shirley: "Color Transfer between Images" (2001), in CIELAB: each of L*, a*, b* becomes
 * (v - mean) * (other deviation / deviation) + other mean, the ratio kept within 1/2 .. 2, and goes `share` of the way there.
 * levels: three planes of `count` levels 0..255. Nearly black and blown-out pixels stay as they are.
 */
void colour_statistics_transfer(float *levels, const colour_statistics *own, const colour_statistics *other,
                                float share, size_t count);

/* One pixel: levels 0..255 to L* 0..100, a*, b*, and back (0..255, cut off there). */
void colour_to_lab(float lab[3], const float levels[3]);
void colour_from_lab(float levels[3], const float lab[3]);

#endif
