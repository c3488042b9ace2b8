/* The switch is a register of each thread: MXCSR on x86. */
#include "engine/denormals.h"

#if defined(__SSE2__)
#include <xmmintrin.h>

enum { FLUSH_TO_ZERO = 1 << 15, DENORMALS_ARE_ZERO = 1 << 6 };

static void set_everywhere(unsigned state, int threads)
{
#pragma omp parallel num_threads(threads)
    _mm_setcsr(state);
    (void)threads;
}

unsigned denormals_flush(int threads)
{
    const unsigned before = _mm_getcsr();
    set_everywhere(before | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, threads);
    return before;
}

void denormals_restore(unsigned before, int threads)
{
    set_everywhere(before, threads);
}

#else

unsigned denormals_flush(int threads)
{
    (void)threads;
    return 0;
}

void denormals_restore(unsigned before, int threads)
{
    (void)before;
    (void)threads;
}

#endif
