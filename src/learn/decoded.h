/* A data set's pictures and masks one after another, decoded ahead on file workers and prepared for a predictor. */
#ifndef POLYP_LEARN_DECODED_H
#define POLYP_LEARN_DECODED_H

#include "learn/dataset.h"
#include "predict/predictor.h"

typedef struct decoded {
    polyp_image picture, mask; /* as sample_read() gives them */
    int slot;                  /* of the predictor, which has the picture until the next decoder_next() */
} decoded;

void decoded_free(decoded *d);

typedef struct decoder decoder;

/* `data` and `predictor` must outlive it; nothing else may submit to the predictor meanwhile. */
status decoder_open(decoder **out, const dataset *data, polyp_predictor *predictor, int workers);
void decoder_close(decoder *d); /* takes NULL */

/* The next sample, from 0 on, in the data set's order; decoded_free() it. Errors: those of sample_read(). */
status decoder_next(decoder *d, decoded *out);

#endif
