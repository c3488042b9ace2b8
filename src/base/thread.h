/* A few workers for files and decoding, fed from a bounded queue. Arithmetic does not run here: it is OpenMP's. */
#ifndef POLYP_BASE_THREAD_H
#define POLYP_BASE_THREAD_H

#include <stddef.h>

#include "base/status.h"

typedef struct worker_pool worker_pool;

/* `queue` jobs may wait; worker_submit() blocks while that many do. Errors: MEMORY, ENGINE (no thread). */
status worker_pool_create(worker_pool **out, int workers, size_t queue);

/* `work(argument)` runs on some worker; jobs start in the order given. */
void worker_submit(worker_pool *pool, void (*work)(void *argument), void *argument);

/* Wait until every submitted job has ended. */
void worker_wait(worker_pool *pool);

/* Finishes what was submitted, then ends the workers. Takes NULL. */
void worker_pool_destroy(worker_pool *pool);

/* How many processors this process may use (affinity respected), at least 1. */
int processor_count(void);

#endif
