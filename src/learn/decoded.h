/* A data set's pictures and masks one after another, decoded ahead on file workers. */
#ifndef POLYP_LEARN_DECODED_H
#define POLYP_LEARN_DECODED_H

#include "learn/dataset.h"

typedef struct decoded {
    polyp_image picture, mask; /* as sample_read() gives them */
} decoded;

typedef struct decoder decoder;

/* `data` must outlive it. */
status decoder_open(decoder **out, const dataset *data, int workers);
void decoder_close(decoder *d); /* takes NULL */

/* The next sample, from 0 on, in the data set's order; it stays valid until the next call. Errors: those of sample_read(). */
status decoder_next(decoder *d, const decoded **out);

#endif
