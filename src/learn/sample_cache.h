/* Samples decoded once and kept as long as memory allows. Any thread may ask. */
#ifndef POLYP_LEARN_SAMPLE_CACHE_H
#define POLYP_LEARN_SAMPLE_CACHE_H

#include "learn/dataset.h"
#include "media/colour.h"

typedef struct kept_sample {
    polyp_image picture;       /* RGB */
    polyp_image mask;          /* 1 channel, MASK_... of media/augment.h */
    colour_statistics colours; /* of the picture, when they are wanted */
} kept_sample;

typedef struct sample_cache_options {
    int squish; /* pictures (bilinear, antialiased) and masks (the larger area) become squish x squish; 0: as they are */
    bool colours;  /* find colour statistics */
    size_t budget; /* bytes of pictures and masks to keep; what comes after it is decoded each time */
} sample_cache_options;

typedef struct sample_cache sample_cache;

/* `data` must outlive it. */
status sample_cache_open(sample_cache **out, const dataset *data, const sample_cache_options *options);
void sample_cache_close(sample_cache *c); /* takes NULL */

/* Sample `index`, to be given back. Two threads that want one sample wait for one decoding. Errors: those of sample_read(). */
status sample_cache_take(const kept_sample **out, sample_cache *c, size_t index);
void sample_cache_give_back(sample_cache *c, size_t index);

/* Its colour statistics alone, which are kept in any case. */
status sample_cache_colours(colour_statistics *out, sample_cache *c, size_t index);

#endif
