/* Pictures in memory: their life, reading by content, conversion between channel counts. */
#ifndef POLYP_MEDIA_IMAGE_H
#define POLYP_MEDIA_IMAGE_H

#include <stdbool.h>

#include "base/file.h"

/* A declared size above this is refused before anything is allocated. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define IMAGE_LIMIT_PIXELS ((size_t)1000 * 1000) /* a fuzzer should not spend its time on large blank pictures */
#else
#define IMAGE_LIMIT_PIXELS ((size_t)100 * 1000 * 1000)
#endif

/* Zeroed pixels. channels 1, 3 or 4. Errors: SIZE (not positive, over the limit), MEMORY. Free: polyp_image_free(). */
status image_create(polyp_image *out, int width, int height, int channels);

/* The same in the memory of *image ({0} at first) where that is large enough; the pixels mean nothing. {0} on failure. */
status image_reuse(polyp_image *image, int width, int height, int channels);

/*
 * JPEG, PNG or TIFF, told apart by their first bytes; `name` is for messages only.
 * Samples become 8-bit: 16-bit ones are scaled by 255/65535 and rounded, unless the largest sample of the picture is
 * <= 255 (then they are taken as they are); 1-, 2-, 4-bit grey is scaled to 0..255; palettes are expanded and their
 * transparency is dropped; CMYK and YCCK become RGB; grey with alpha loses its alpha; of a TIFF the first page is read.
 * EXIF (JPEG, PNG eXIf) and TIFF orientation is applied.
 * Errors: FORMAT (not a picture, damaged, cut off: never half a picture), SIZE, UNSUPPORTED, MEMORY.
 */
status image_decode(polyp_image *out, const void *bytes, size_t size, const char *name);
status image_read(polyp_image *out, const char *path);

/* image_read() with buffers that are used again, both {0} at first: nothing is allocated for an upright JPEG or 8-bit PNG once
 * the largest was seen. file_close() and polyp_image_free() them; on failure *out is {0}. */
status image_read_into(polyp_image *out, file_bytes *file, const char *path);

/* image_read() that also tells how the picture was stored. */
typedef struct image_facts {
    int orientation; /* EXIF's 1..8, from which it was turned; 1: stored upright */
    bool jpeg;       /* its levels are not exact */
} image_facts;
status image_read_facts(polyp_image *out, image_facts *facts, const char *path);

/* image_to_rgb() in the memory of *out, {0} at first. */
status image_to_rgb_into(polyp_image *out, const polyp_image *in);

/* A new picture with 3 channels (alpha dropped, grey repeated) or 1 (round(.299 R + .587 G + .114 B), PIL's "L"). */
status image_to_rgb(polyp_image *out, const polyp_image *in);
status image_to_grey(polyp_image *out, const polyp_image *in);

/* Whole files in memory, memory_free() them. quality 1..100; 4:4:4 at 90 and above, else 4:2:0. */
status image_encode_png(unsigned char **out, size_t *size, const polyp_image *image);
status image_encode_jpeg(unsigned char **out, size_t *size, const polyp_image *image, int quality);

/* Encoded and written beside, then renamed. */
status image_write_png(const polyp_image *image, const char *path);
status image_write_jpeg(const polyp_image *image, const char *path, int quality);

#endif
