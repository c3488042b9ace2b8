/* A walk is items made ahead whose making is all there is to do. */
#include "learn/walk.h"

#include <math.h>

#include "base/thread.h"
#include "learn/ahead.h"

typedef struct walk {
    const dataset *data;
    sample_visit visit;
    void *context;
} walk;

static status visit_one(void *context, size_t number, size_t slot)
{
    (void)slot;
    const walk *w = context;
    return w->visit(w->context, &w->data->samples[number], number);
}

static status tell(const polyp_watch *watch, const char *phase, size_t done, size_t total)
{
    const polyp_progress p = {
        .phase = phase, .done = done, .total = total, .unit = "picture", .loss = NAN, .learning_rate = NAN};
    if (watch == NULL || watch->report == NULL || watch->report(watch->context, &p) == 0) return POLYP_OK;
    return fail(POLYP_STOPPED, "stopped after %zu of %zu pictures", done, total);
}

status dataset_walk(const dataset *d, sample_visit visit, void *context, int threads, const char *phase,
                    const polyp_watch *watch)
{
    if (threads < 1) threads = processor_count();
    walk w = {d, visit, context};
    ahead *jobs = NULL;
    status result;
    TRY(ahead_open(&jobs, visit_one, &w, d->count, 2 * (size_t)threads + 1, threads));
    for (size_t i = 0; i < d->count; i++) {
        size_t slot;
        TRY_DONE(ahead_next(jobs, &slot));
        TRY_DONE(tell(watch, phase, i + 1, d->count));
    }
    result = POLYP_OK;
done:
    ahead_close(jobs);
    return result;
}
