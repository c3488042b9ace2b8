/* Numbered items made ahead of their use on file workers, handed over in order: batches, decoded pictures. */
#ifndef POLYP_LEARN_AHEAD_H
#define POLYP_LEARN_AHEAD_H

#include "base/status.h"

/* Make item `number` (from 0) in place `slot`. Runs on a worker: no OpenMP in it. Two items never share a slot at once.
 */
typedef status (*ahead_make)(void *context, size_t number, size_t slot);

typedef struct ahead ahead;

/* `slots` items at most are in the making or wait; one of them is the caller's. `count` items exist. */
status ahead_open(ahead **out, ahead_make make, void *context, size_t count, size_t slots, int workers);
void ahead_close(ahead *a); /* waits for what is in the making; takes NULL */

/* Begin with the first items now, not at the first ahead_next(). */
void ahead_begin(ahead *a);

/* The next item is `number`. What was made ahead is dropped. */
void ahead_seek(ahead *a, size_t number);

/* The slot of the next item; it stays the caller's until the next call. A failure of make() comes up here, in order. */
status ahead_next(ahead *a, size_t *slot);

#endif
