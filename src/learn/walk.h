/* Every sample of a data set looked at once, by several file workers. */
#ifndef POLYP_LEARN_WALK_H
#define POLYP_LEARN_WALK_H

#include "learn/dataset.h"

/* Runs on a worker: no OpenMP in it. `number` is the sample's in the data set. */
typedef status (*sample_visit)(void *context, const sample *s, size_t number);

/* `threads` workers (0: every core). `phase`, `watch` (NULL: none): told once a picture, in order. Errors: those of
 * `visit`, STOPPED, MEMORY. */
status dataset_walk(const dataset *d, sample_visit visit, void *context, int threads, const char *phase,
                    const polyp_watch *watch);

#endif
