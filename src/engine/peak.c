/* Loops that do nothing but multiply and add, in the widest registers there are; and the triad. */
#include "engine/peak.h"

#include <math.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define PEAK_X86
#include <immintrin.h>
#endif

/* ---- loops ---------------------------------------------------------------------------------------------- */

/* Of which the compiler knows nothing. */
static const volatile float ONE = 1;

static bool always(void)
{
    return true;
}

static double f32_plain(long rounds)
{
    enum { CHAINS = 32 };
    const float one = ONE;
    float sums[CHAINS] = {0};
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * one + one;
    }
    double all = 0;
    for (int i = 0; i < CHAINS; i++) all += (double)sums[i];
    return all;
}

#ifdef PEAK_X86

/* Sums that do not wait for each other: more than the latency times the number of units, and they must stay in registers. */
enum { CHAINS_16 = 12 /* of 16 registers */, CHAINS_32 = 24 /* of 32 */ };

/* Equal sums would be computed once. */
#define HIDE(vector) __asm__ volatile("" : "+v"(vector))

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f");
}

static bool has_bf16(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bf16");
}

static bool has_vnni(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
}

__attribute__((target("avx2,fma"))) static double f32_avx2(long rounds)
{
    const __m256 one = _mm256_set1_ps(ONE);
    __m256 sums[CHAINS_16];
    float lanes[8];
    double all = 0;
    for (int i = 0; i < CHAINS_16; i++) {
        sums[i] = _mm256_setzero_ps();
        HIDE(sums[i]);
    }
    for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS_16; i++) sums[i] = _mm256_fmadd_ps(sums[i], one, one);
    }
    for (int i = 0; i < CHAINS_16; i++) {
        _mm256_storeu_ps(lanes, sums[i]);
        for (int l = 0; l < 8; l++) all += (double)lanes[l];
    }
    return all;
}

/* Exact: sums are whole numbers, and double holds their sum. By value, so that the loops' sums keep their registers. */
__attribute__((target("avx512f"))) static inline double lanes_sum(__m512 vector)
{
    float lanes[16];
    double all = 0;
    _mm512_storeu_ps(lanes, vector);
    for (int l = 0; l < 16; l++) all += (double)lanes[l];
    return all;
}

__attribute__((target("avx512f"))) static double f32_avx512(long rounds)
{
    const __m512 one = _mm512_set1_ps(ONE);
    __m512 sums[CHAINS_32];
    double all = 0;
    for (int i = 0; i < CHAINS_32; i++) {
        sums[i] = _mm512_setzero_ps();
        HIDE(sums[i]);
    }
    for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS_32; i++) sums[i] = _mm512_fmadd_ps(sums[i], one, one);
    }
    for (int i = 0; i < CHAINS_32; i++) all += lanes_sum(sums[i]);
    return all;
}

/* Each lane of f32 gets two products of bf16. */
__attribute__((target("avx512f,avx512bf16"))) static double bf16_avx512(long rounds)
{
    enum { ONE_IN_BF16 = 0x3F80 };
    const __m512bh one = (__m512bh)_mm512_set1_epi32(ONE_IN_BF16 << 16 | ONE_IN_BF16);
    __m512 sums[CHAINS_32];
    double all = 0;
    for (int i = 0; i < CHAINS_32; i++) {
        sums[i] = _mm512_setzero_ps();
        HIDE(sums[i]);
    }
    for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS_32; i++) sums[i] = _mm512_dpbf16_ps(sums[i], one, one);
    }
    for (int i = 0; i < CHAINS_32; i++) all += lanes_sum(sums[i]);
    return all;
}

/* Each lane of 32 bits gets four products of bytes. */
__attribute__((target("avx512f,avx512vnni"))) static double int8_avx512(long rounds)
{
    typedef int lanes_of_int __attribute__((vector_size(64))); /* __m512i is one of 64 bits, and gcc 12 copies it */
    const __m512i one = _mm512_set1_epi32(0x01010101);
    lanes_of_int sums[CHAINS_32];
    double all = 0;
    for (int i = 0; i < CHAINS_32; i++) {
        sums[i] = (lanes_of_int){0};
        HIDE(sums[i]);
    }
    for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS_32; i++) sums[i] = (lanes_of_int)_mm512_dpbusd_epi32((__m512i)sums[i], one, one);
    }
    for (int i = 0; i < CHAINS_32; i++) {
        for (int l = 0; l < 16; l++) all += sums[i][l];
    }
    return all;
}

#endif

static const peak_loop LOOPS[] = {
#ifdef PEAK_X86
    {PEAK_F32, "AVX-512", CHAINS_32 * 16, has_avx512, f32_avx512},
    {PEAK_F32, "AVX2", CHAINS_16 * 8, has_avx2, f32_avx2},
#endif
    {PEAK_F32, "plain C", 32, always, f32_plain},
#ifdef PEAK_X86
    {PEAK_BF16, "AVX512_BF16", CHAINS_32 * 32, has_bf16, bf16_avx512},
    {PEAK_INT8, "AVX512_VNNI", CHAINS_32 * 64, has_vnni, int8_avx512},
#endif
};
enum { LOOP_COUNT = sizeof LOOPS / sizeof LOOPS[0] };

const peak_loop *peak_loops(int *count)
{
    *count = LOOP_COUNT;
    return LOOPS;
}

const peak_loop *peak_loop_of(enum peak_kind kind)
{
    for (int i = 0; i < LOOP_COUNT; i++) {
        if (LOOPS[i].kind == kind && LOOPS[i].runs_here()) return &LOOPS[i];
    }
    return NULL;
}

/* ---- speed ---------------------------------------------------------------------------------------------- */

/* All threads at once; `sum` says what they did together. */
static double seconds_of(const peak_loop *l, long rounds, int threads, double *sum)
{
    double all = 0;
    const double begin = clock_seconds();
#pragma omp parallel num_threads(threads) reduction(+ : all)
    all += l->run(rounds);
    *sum = all;
    return clock_seconds() - begin;
}

double peak_gflops(enum peak_kind kind, int threads)
{
    enum { FIRST_ROUNDS = 1 << 12, MOST_ROUNDS = 1 << 23, REPEATS = 20 };
    const double enough_seconds = 4e-3; /* beside which waking the threads is nothing */
    const peak_loop *const l = peak_loop_of(kind);
    long rounds = FIRST_ROUNDS;
    double sum, best = 0;
    if (l == NULL) return 0;
    while (rounds < MOST_ROUNDS && seconds_of(l, rounds, threads, &sum) < enough_seconds) rounds *= 2;
    for (int i = 0; i < REPEATS; i++) {
        const double seconds = seconds_of(l, rounds, threads, &sum);
        best = fmax(best, 2e-9 * sum / seconds);
    }
    return best;
}

/* Twice the last cache, so that three arrays are six times as large; between 32 and 512 MiB. */
static size_t triad_values(void)
{
    long cache = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    const double bytes = fmin(fmax(2.0 * (double)cache, 32 << 20), 512 << 20);
    return (size_t)bytes / sizeof(float);
}

static double triad_seconds(float *restrict a, const float *restrict b, const float *restrict c, size_t count,
                            int threads)
{
    const float s = ONE;
    const double begin = clock_seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < count; i++) a[i] = b[i] + s * c[i];
    return clock_seconds() - begin;
}

status peak_bandwidth(double *out, int threads)
{
    enum { REPEATS = 6 };
    const size_t count = triad_values();
    float *a = NULL, *b = NULL, *c = NULL;
    double best = 0;
    status result;
    TRY_DONE(memory_new(&a, count));
    TRY_DONE(memory_new(&b, count));
    TRY_DONE(memory_new(&c, count));
    /* the first run meets pages that do not exist yet, and is no different otherwise */
    for (int i = 0; i < REPEATS; i++) {
        const double seconds = triad_seconds(a, b, c, count, threads);
        best = fmax(best, 1e-9 * 3 * sizeof(float) * (double)count / seconds);
    }
    *out = best;
done:
    memory_free(a);
    memory_free(b);
    memory_free(c);
    return result;
}
