/* Batches ahead of time: decode, resize, augment on file workers. What comes out depends on seed, epoch and data alone. */
#ifndef POLYP_LEARN_LOADER_H
#define POLYP_LEARN_LOADER_H

#include "learn/dataset.h"
#include "net/tensor.h"

typedef struct loader_options {
    int size;          /* pictures are squished to size x size; masks by area, then > 0.5 */
    int batch;
    uint64_t seed;
    bool augment;      /* flips, drawn from (seed, RANDOM_AUGMENT, epoch, index of the picture) */
    bool shuffle;      /* order from (seed, RANDOM_ORDER, epoch) and the samples' weights (order.h); the last incomplete
                          batch of an epoch is dropped, fastai's rule (fewer pictures than one batch: refused) */
    int workers;       /* file workers; 0: 2 */
    int ahead;         /* batches prepared ahead; 0: 2 */
} loader_options;

typedef struct loader loader;

/* Pictures are decoded and squished once and kept (size * size * 4 bytes each). `data` must outlive the loader. */
status loader_open(loader **out, const dataset *data, const loader_options *options);
void loader_close(loader *l);

size_t loader_batches(const loader *l); /* of one epoch */

/* Go to a place: the next batch is `batch` of `epoch` (both from 0). Cheap: nothing is replayed. */
void loader_seek(loader *l, int epoch, size_t batch);

typedef struct batch {
    tensor images;     /* (count, 3, size, size), normalised */
    tensor masks;      /* (count, 1, size, size), 0 or 1 */
    int count;
} batch;

/* The next batch, in order; views valid until the next call. Steps over epochs by itself. Errors: those of reading. */
status loader_next(loader *l, batch *out);

#endif
