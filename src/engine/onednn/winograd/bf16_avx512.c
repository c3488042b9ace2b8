/* The steps by AVX512_BF16: a block of channels is one register of f32. */
#include "engine/onednn/winograd/bf16.h"
#include "engine/onednn/winograd/bf16_steps.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define BF16_CODE __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define BF16_INLINE BF16_CODE static inline __attribute__((always_inline))

enum { SIDE = 4, LANES = BF16_LANES };

/* ---- source ----------------------------------------------------------------------------------------------- */

/* Four rows of the image, and which lanes of each are read: none where the row lies outside. */
typedef struct rows {
    const bf16 *at[SIDE];
    __mmask16 lanes[SIDE];
    int w;
} rows;

static rows rows_of(const bf16 *image, const tile_range *r, int top)
{
    rows four = {.w = r->w};
    for (int i = 0; i < SIDE; i++) {
        const bool inside = top + i >= 0 && top + i < r->h;
        four.at[i] = image + (size_t)(inside ? top + i : 0) * (size_t)r->w * LANES;
        four.lanes[i] = inside ? 0xFFFF : 0;
    }
    return four;
}

BF16_INLINE __m512 widen(const bf16 *from, __mmask16 lanes)
{
    const __m256i narrow = _mm256_loadu_si256((const void *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_maskz_cvtepu16_epi32(lanes, narrow), 16));
}

/* B of the paper, transposed, along the column of pixels at x. */
BF16_INLINE void column(__m512 to[SIDE], const rows *four, int x)
{
    const bool inside = x >= 0 && x < four->w;
    const size_t at = (size_t)(inside ? x : 0) * LANES;
    __m512 d[SIDE];
#pragma GCC unroll 4
    for (int i = 0; i < SIDE; i++) d[i] = widen(four->at[i] + at, inside ? four->lanes[i] : 0);
    to[0] = _mm512_sub_ps(d[0], d[2]);
    to[1] = _mm512_add_ps(d[1], d[2]);
    to[2] = _mm512_sub_ps(d[2], d[1]);
    to[3] = _mm512_sub_ps(d[1], d[3]);
}

/* Two tiles' values of one point. */
BF16_INLINE void store_two(bf16 *to, __m512 first, __m512 second)
{
    _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

BF16_INLINE void store_one(bf16 *to, __m512 value)
{
    _mm256_storeu_si256((void *)to, (__m256i)_mm512_cvtneps_pbh(value));
}

/* Two tiles side by side from six columns, of which c[0] and c[1] are there; c[4] and c[5] serve the next. */
BF16_INLINE void two_tiles(bf16 *v, size_t points, __m512 c[6][SIDE], const rows *four, int x)
{
#pragma GCC unroll 4
    for (int k = 2; k < 6; k++) column(c[k], four, x + k - 1);
#pragma GCC unroll 4
    for (int i = 0; i < SIDE; i++) {
        bf16 *const to = v + (size_t)(SIDE * i) * points;
        store_two(to, _mm512_sub_ps(c[0][i], c[2][i]), _mm512_sub_ps(c[2][i], c[4][i]));
        store_two(to + points, _mm512_add_ps(c[1][i], c[2][i]), _mm512_add_ps(c[3][i], c[4][i]));
        store_two(to + 2 * points, _mm512_sub_ps(c[2][i], c[1][i]), _mm512_sub_ps(c[4][i], c[3][i]));
        store_two(to + 3 * points, _mm512_sub_ps(c[1][i], c[3][i]), _mm512_sub_ps(c[3][i], c[5][i]));
        c[0][i] = c[4][i];
        c[1][i] = c[5][i];
    }
}

BF16_INLINE void last_tile(bf16 *v, size_t points, __m512 c[6][SIDE], const rows *four, int x)
{
    column(c[2], four, x + 1);
    column(c[3], four, x + 2);
#pragma GCC unroll 4
    for (int i = 0; i < SIDE; i++) {
        bf16 *const to = v + (size_t)(SIDE * i) * points;
        store_one(to, _mm512_sub_ps(c[0][i], c[2][i]));
        store_one(to + points, _mm512_add_ps(c[1][i], c[2][i]));
        store_one(to + 2 * points, _mm512_sub_ps(c[2][i], c[1][i]));
        store_one(to + 3 * points, _mm512_sub_ps(c[1][i], c[3][i]));
    }
}

/* Tiles of one row. */
BF16_CODE static void source_row(bf16 *v, size_t points, const rows *four, int first, int count)
{
    __m512 c[6][SIDE];
    column(c[0], four, 2 * first - 1);
    column(c[1], four, 2 * first);
    int t = 0;
    for (; t + 1 < count; t += 2) two_tiles(v + (size_t)t * LANES, points, c, four, 2 * (first + t));
    if (t < count) last_tile(v + (size_t)t * LANES, points, c, four, 2 * (first + t));
}

static void source(bf16 *v, size_t points, const bf16 *image, const tile_range *r)
{
    for (int done = 0; done < r->count;) {
        const int y = (r->first + done) / r->across, x = (r->first + done) % r->across;
        const int in_row = r->across - x, left = r->count - done, count = in_row < left ? in_row : left;
        const rows four = rows_of(image, r, 2 * y - 1);
        source_row(v + (size_t)done * LANES, points, &four, x, count);
        done += count;
    }
}

/* ---- products --------------------------------------------------------------------------------------------- */

BF16_INLINE __m512bh two_channels(const bf16 *from)
{
    int both;
    __builtin_memcpy(&both, from, sizeof both);
    return (__m512bh)_mm512_set1_epi32(both);
}

/* Sums stay in registers: `tiles` and `vectors` are constants wherever this is used. */
BF16_INLINE void products(float *m, const bf16 *v, size_t apart, const bf16 *u, int blocks, const int vectors,
                          const int tiles)
{
    __m512 sums[2 * BF16_MOST_TILES];
#pragma GCC unroll 28
    for (int i = 0; i < tiles * vectors; i++) sums[i] = _mm512_setzero_ps();
    for (int b = 0; b < blocks; b++, v += apart) {
#pragma GCC unroll 8
        for (int k = 0; k < LANES; k += 2, u += vectors * 2 * LANES) {
            const __m512bh first = (__m512bh)_mm512_loadu_si512(u);
            const __m512bh second = (__m512bh)_mm512_loadu_si512(u + (vectors - 1) * 2 * LANES);
#pragma GCC unroll 14
            for (int t = 0; t < tiles; t++) {
                const __m512bh x = two_channels(v + t * LANES + k);
                sums[t * vectors] = _mm512_dpbf16_ps(sums[t * vectors], first, x);
                if (vectors == 2) sums[2 * t + 1] = _mm512_dpbf16_ps(sums[2 * t + 1], second, x);
            }
        }
    }
#pragma GCC unroll 28
    for (int i = 0; i < tiles * vectors; i++) _mm512_storeu_ps(m + i * LANES, sums[i]);
}

#define TILES(count) \
    case count: products(m, v, apart, u, blocks, vectors, count); break

#define ALL_TILES() \
    switch (tiles) { \
        TILES(2); \
        TILES(4); \
        TILES(6); \
        TILES(8); \
        TILES(10); \
        TILES(12); \
        TILES(14); \
    default: break; \
    }

BF16_CODE static void multiply_1(float *m, const bf16 *v, size_t apart, const bf16 *u, int blocks, int tiles)
{
    enum { vectors = 1 };
    ALL_TILES()
}

BF16_CODE static void multiply_2(float *m, const bf16 *v, size_t apart, const bf16 *u, int blocks, int tiles)
{
    enum { vectors = 2 };
    ALL_TILES()
}

static void multiply(float *m, const bf16 *v, size_t apart, const bf16 *u, int blocks, int vectors, int tiles)
{
    if (vectors == 2) {
        multiply_2(m, v, apart, u, blocks, tiles);
    } else {
        multiply_1(m, v, apart, u, blocks, tiles);
    }
}

/* ---- result ----------------------------------------------------------------------------------------------- */

BF16_INLINE __m512 finished(__m512 value, const bf16 *to, __m512 bias, const tile_tail *tail)
{
    value = _mm512_add_ps(value, bias);
    if (tail->sum) value = _mm512_add_ps(value, widen(to, 0xFFFF));
    /* in this order what is no number stays so */
    return tail->relu ? _mm512_max_ps(_mm512_setzero_ps(), value) : value;
}

/* A of the paper, transposed, along one axis. */
BF16_INLINE void gather(__m512 to[2], __m512 a, __m512 b, __m512 c, __m512 d)
{
    to[0] = _mm512_add_ps(_mm512_add_ps(a, b), c);
    to[1] = _mm512_sub_ps(_mm512_sub_ps(b, c), d);
}

BF16_INLINE void result_tile(bf16 *to, const float *m, size_t points, size_t row, bool two_rows, bool two_columns,
                             const tile_tail *tail)
{
    __m512 lines[SIDE][2], columns[2][2];
    const __m512 bias = _mm512_loadu_ps(tail->bias);
#pragma GCC unroll 4
    for (int y = 0; y < SIDE; y++) {
        const float *const from = m + (size_t)(SIDE * y) * points;
        gather(lines[y], _mm512_loadu_ps(from), _mm512_loadu_ps(from + points), _mm512_loadu_ps(from + 2 * points),
               _mm512_loadu_ps(from + 3 * points));
    }
    gather(columns[0], lines[0][0], lines[1][0], lines[2][0], lines[3][0]);
    gather(columns[1], lines[0][1], lines[1][1], lines[2][1], lines[3][1]);
#pragma GCC unroll 2
    for (int y = 0; y < 2; y++, to += row) {
        if (y == 1 && !two_rows) break;
        const __m512 first = finished(columns[0][y], to, bias, tail);
        if (two_columns) {
            store_two(to, first, finished(columns[1][y], to + LANES, bias, tail));
        } else {
            store_one(to, first);
        }
    }
}

BF16_CODE static void result(bf16 *image, const float *m, size_t points, size_t tiles, const tile_range *r,
                             const tile_tail *tail)
{
    const size_t row = (size_t)r->w * LANES;
    int y = r->first / r->across * 2, x = r->first % r->across * 2;
    for (int t = 0; t < r->count; t++, m += tiles) {
        result_tile(image + (size_t)y * row + (size_t)x * LANES, m, points, row, y + 1 < r->h, x + 1 < r->w, tail);
        x += 2;
        if (x < r->w) continue;
        x = 0;
        y += 2;
    }
}

/* ---- choice ----------------------------------------------------------------------------------------------- */

const winograd_bf16_steps *winograd_bf16_fast(void)
{
    static const winograd_bf16_steps STEPS = {source, multiply, result};
    const bool here = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16");
    return here && dnn_has_bf16() && !dnn_has_amx() ? &STEPS : NULL;
}

#else

const winograd_bf16_steps *winograd_bf16_fast(void)
{
    return NULL;
}

#endif
