/* One loop; the words of a failure go from the thread that failed to the caller's. */
#include "engine/each.h"

#include <stdatomic.h>
#include <stdio.h>

status each_in_parallel(status (*job)(void *context, int i), void *context, int count, int threads)
{
    atomic_int result = POLYP_OK;
    char words[512] = "";
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int i = 0; i < count; i++) {
        int before = POLYP_OK;
        if (atomic_load(&result) != POLYP_OK) continue;
        const status own = job(context, i);
        if (own == POLYP_OK || !atomic_compare_exchange_strong(&result, &before, (int)own)) continue;
        (void)snprintf(words, sizeof words, "%s", polyp_error());
    }
    const status first = (status)atomic_load(&result);
    return first == POLYP_OK ? POLYP_OK : fail(first, "%s", words);
}
