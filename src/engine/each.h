/* A job for each of some numbers, on OpenMP's threads. */
#ifndef POLYP_ENGINE_EACH_H
#define POLYP_ENGINE_EACH_H

#include "base/status.h"

/*
 * job(context, i) for every i from 0 to count - 1, in any order, some at once. After a failure no job begins; the first one
 * seen is handed up with its words. A job that itself divides its work among OpenMP's threads gets one.
 */
status each_in_parallel(status (*job)(void *context, int i), void *context, int count, int threads);

#endif
