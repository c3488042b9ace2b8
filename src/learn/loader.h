/* Batches ahead of time: decode, resize, augment on file workers. What comes out depends on seed, epoch and data alone. */
#ifndef POLYP_LEARN_LOADER_H
#define POLYP_LEARN_LOADER_H

#include "learn/dataset.h"
#include "media/augment.h"
#include "net/tensor.h"

typedef struct loader_options {
    int size;                      /* of the network's input: size x size */
    int batch;
    uint64_t seed;
    const augment_recipe *augment; /* copied; NULL: squished, nothing else. Drawn from (seed, RANDOM_AUGMENT, epoch, index of
                                      the picture, and how often it came before in the epoch) */
    bool shuffle;      /* order from (seed, RANDOM_ORDER, epoch) and the samples' weights (order.h); the last incomplete
                          batch of an epoch is dropped, fastai's rule (fewer pictures than one batch: refused) */
    int workers;       /* file workers; 0: 2 */
    int ahead;         /* batches prepared ahead; 0: 2 */
    size_t cache_bytes; /* of decoded pictures to keep; more are decoded again in each epoch; 0: 512 MiB */
} loader_options;

typedef struct loader loader;

/*
 * Pictures are decoded once and kept within cache_bytes: squished to size x size (masks by area) for AUGMENT_FASTAI, in their
 * own size for AUGMENT_ONCE; 4 bytes a pixel. `data` must outlive the loader.
 */
status loader_open(loader **out, const dataset *data, const loader_options *options);
void loader_close(loader *l);

size_t loader_batches(const loader *l); /* of one epoch */

/* The most that a loader with these options holds, in bytes; nothing is opened. */
size_t loader_memory(const dataset *data, const loader_options *options);

/* Go to a place: the next batch is `batch` of `epoch` (both from 0). Cheap: nothing is replayed. */
void loader_seek(loader *l, int epoch, size_t batch);

/* What its workers have spent so far, on batches that were dropped too. */
typedef struct loader_cost {
    size_t pictures;
    double seconds; /* of processor time, decoding included */
} loader_cost;
loader_cost loader_spent(loader *l);

typedef struct batch {
    tensor images;     /* (count, 3, size, size), normalised */
    tensor masks;      /* (count, 1, size, size): 1 polyp, 0 none, -1 ignored */
    const size_t *samples; /* [count] their places in the data set */
    int count;
} batch;

/* The next batch, in order; views valid until the next call. Steps over epochs by itself. Errors: those of reading. */
status loader_next(loader *l, batch *out);

#endif
