/* What the file formats offer to image.c, and what they share. `name` is for messages only. */
#ifndef POLYP_MEDIA_FORMATS_H
#define POLYP_MEDIA_FORMATS_H

#include <stdbool.h>
#include <stdint.h>

#include "media/image.h"

/* Each decodes a whole file in memory as it is stored, and writes the orientation that it finds, if any. *out is {0} or a
 * picture whose memory may be used again; {0} on failure. */
status jpeg_decode(polyp_image *out, int *orientation, const unsigned char *bytes, size_t size, const char *name);
status png_decode(polyp_image *out, int *orientation, const unsigned char *bytes, size_t size, const char *name);
status tiff_decode(polyp_image *out, int *orientation, const unsigned char *bytes, size_t size, const char *name);

/* A declared size: SIZE when it is empty or over IMAGE_LIMIT_PIXELS. Ask before allocating anything for it. */
status image_check_size(uint64_t width, uint64_t height, const char *name);

/* 16-bit samples to a new 8-bit picture by the rule of image.h. `samples` holds `step` samples a pixel, of which the
 * first `channels` are kept and looked at. */
status image_from_16(polyp_image *out, const uint16_t *samples, int width, int height, int step, int channels);

/* The orientation (1..8) written in an EXIF block, which starts with its "II" or "MM"; 1 when there is none. */
int exif_orientation(const unsigned char *exif, size_t size);

/* Turn a picture upright: 1 leaves it as it is, and so does any number that is not 1..8. */
status image_turn_upright(polyp_image *image, int orientation);

#endif
