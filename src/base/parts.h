/* Small whole numbers: how work is cut into parts, and for which thread. */
#ifndef POLYP_BASE_PARTS_H
#define POLYP_BASE_PARTS_H

#ifdef _OPENMP
#include <omp.h>
#endif

static inline int divided_up(int a, int b)
{
    return (a + b - 1) / b;
}

static inline int at_most(int n, int most)
{
    return n < most ? n : most;
}

static inline int at_least(int n, int least)
{
    return n > least ? n : least;
}

/* Part i of n of `count` things begins here. */
static inline int part_start(int count, int i, int n)
{
    return (int)((long long)count * i / n);
}

/* Of a parallel region; 0 outside. */
static inline int this_thread(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

#endif
