/* Small polyps are few and are missed most: their pictures may come more often. */
#include "learn/sampling.h"

#include <math.h>

#include "learn/walk.h"
#include "media/augment.h"
#include "media/image.h"

static status measure(void *context, const sample *s, size_t number)
{
    double *const share = context;
    polyp_image mask = {0};
    TRY(sample_read(NULL, &mask, s));
    const size_t count = (size_t)mask.width * (size_t)mask.height;
    size_t polyp = 0;
    for (size_t i = 0; i < count; i++) polyp += mask.pixels[i] == MASK_POLYP;
    share[number] = (double)polyp / (double)count;
    polyp_image_free(&mask);
    return POLYP_OK;
}

status shares_find(double *share, const dataset *d, int threads, const polyp_watch *watch)
{
    return dataset_walk(d, measure, share, threads, "measure", watch);
}

status sampling_weigh_small(size_t *found, dataset *d, double share, double weight, int threads,
                            const polyp_watch *watch)
{
    *found = 0;
    if (!(isfinite(weight) && weight > 0)) {
        return fail(POLYP_ERR_ARGUMENT, "a weight of %g for small polyps: give a number above 0", weight);
    }
    if (share <= 0 || weight == 1) return POLYP_OK;
    double *shares;
    TRY(memory_new(&shares, d->count));
    const status result = shares_find(shares, d, threads, watch);
    for (size_t i = 0; result == POLYP_OK && i < d->count; i++) {
        if (shares[i] <= 0 || shares[i] >= share) continue;
        d->samples[i].weight *= weight;
        ++*found;
    }
    memory_free(shares);
    return result;
}
