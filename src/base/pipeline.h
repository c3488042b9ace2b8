/*
 * Numbered items through three stages, many at once: made by file workers, computed on lanes, finished by the workers; then
 * the caller is told, item by item in order. What an item needs lives in its slot, which goes on to a later item.
 */
#ifndef POLYP_BASE_PIPELINE_H
#define POLYP_BASE_PIPELINE_H

#include <stddef.h>

#include "base/status.h"

/* Each gets the item's number, from 0, and its slot, which nobody else touches until tell() has returned. */
typedef struct pipeline_stages {
    status (*make)(void *context, size_t number, size_t slot);              /* on a worker */
    status (*compute)(void *context, size_t number, size_t slot, int lane); /* one item at a time on each lane */
    status (*finish)(void *context, size_t number, size_t slot);            /* on a worker */
    status (*tell)(void *context, size_t number, size_t slot);              /* on the caller's thread, in order */
} pipeline_stages;

typedef struct pipeline pipeline;

/* So many slots keep `lanes` busy while the caller computes, too. */
static inline size_t pipeline_slots(int lanes)
{
    return 3 * (size_t)lanes + 2;
}

/* Begins to make the first items. `count` items exist. Errors: MEMORY, ENGINE (no thread). */
status pipeline_open(pipeline **out, const pipeline_stages *stages, void *context, size_t count, size_t slots,
                     int workers);

/* All the rest, once: lane 0 is the caller's thread, the others get one each. The first failure of any stage, in the items'
 * order, ends it; those before it have been told. */
status pipeline_run(pipeline *p, int lanes);

void pipeline_close(pipeline *p); /* waits for what is in the making; takes NULL */

#endif
