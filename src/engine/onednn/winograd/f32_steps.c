/* The steps of Winograd's algorithm in f32, compiled for each kind of processor (FAST_CLONES). */
#include "engine/onednn/winograd/f32_steps.h"

#include "base/clones.h"

/* As in kernels.c: vectors only pass between functions that are inlined into each other. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum { OUT = F32_OUT, SIDE = F32_SIDE, TAPS = F32_TAPS, LANES = F32_LANES, GROUP = F32_GROUP };

typedef float vector __attribute__((vector_size(F32_LANES * sizeof(float))));
typedef int mask __attribute__((vector_size(F32_LANES * sizeof(int))));
typedef float unaligned __attribute__((vector_size(F32_LANES * sizeof(float)), aligned(sizeof(float))));

#define INLINE static inline __attribute__((always_inline))
#define LOAD(from)      (*(const unaligned *)(from))
#define STORE(to, value) (*(unaligned *)(to) = (value))
#define ALL(x)          ((vector){x, x, x, x, x, x, x, x})

/* ---- matrices along one axis ------------------------------------------------------------------------------- */

/*
 * The points are 0, +-A, +-B and infinity. As A B = 1, all that is multiplied stays near 1, and sums lose less than by Lavin and
 * Gray's +-1 and +-2.
 */
#define A 0.70710678118654752440F
#define B 1.41421356237309504880F

/* B of the paper, transposed: six pixels to six points. */
#define SPREAD(to, d0, d1, d2, d3, d4, d5)                     \
    do {                                                       \
        const vector even_a = d4 - 2.0F * d2, odd_a = d3 - 2.0F * d1; \
        const vector even_b = d4 - 0.5F * d2, odd_b = d3 - 0.5F * d1; \
        (to)[0] = d0 + d4 - 2.5F * d2;                         \
        (to)[1] = even_a + A * odd_a;                      \
        (to)[2] = even_a - A * odd_a;                      \
        (to)[3] = even_b + B * odd_b;                      \
        (to)[4] = even_b - B * odd_b;                      \
        (to)[5] = d1 + d5 - 2.5F * d3;                         \
    } while (0)

/* A of the paper, transposed: six points to four pixels. */
#define GATHER(to, m0, m1, m2, m3, m4, m5)                     \
    do {                                                       \
        const vector sum_a = m1 + m2, odd_a = m1 - m2;         \
        const vector sum_b = m3 + m4, odd_b = m3 - m4;         \
        (to)[0] = m0 + sum_a + sum_b;                          \
        (to)[1] = A * odd_a + B * odd_b;               \
        (to)[2] = 0.5F * sum_a + 2.0F * sum_b;                 \
        (to)[3] = m5 + (0.5F * A) * odd_a + (2.0F * B) * odd_b; \
    } while (0)

/* A of the paper: the gradients of four pixels to those of six points. */
#define SPREAD_GRADIENT(to, d0, d1, d2, d3)                    \
    do {                                                       \
        const vector even_a = d0 + 0.5F * d2, odd_a = d1 + 0.5F * d3; \
        const vector even_b = d0 + 2.0F * d2, odd_b = d1 + 2.0F * d3; \
        (to)[0] = d0;                                          \
        (to)[1] = even_a + A * odd_a;                      \
        (to)[2] = even_a - A * odd_a;                      \
        (to)[3] = even_b + B * odd_b;                      \
        (to)[4] = even_b - B * odd_b;                      \
        (to)[5] = d3;                                          \
    } while (0)

/* G of the paper: three taps to six points. */
#define SPREAD_TAPS(to, g0, g1, g2)                            \
    do {                                                       \
        const vector even_a = (-2.0F / 3.0F) * g0 - (1.0F / 3.0F) * g2; \
        const vector even_b = (1.0F / 6.0F) * g0 + (1.0F / 3.0F) * g2;  \
        (to)[0] = g0;                                          \
        (to)[1] = even_a - (2.0F / 3.0F * A) * g1;         \
        (to)[2] = even_a + (2.0F / 3.0F * A) * g1;         \
        (to)[3] = even_b + (1.0F / 6.0F * B) * g1;         \
        (to)[4] = even_b - (1.0F / 6.0F * B) * g1;         \
        (to)[5] = g2;                                          \
    } while (0)

/* G of the paper, transposed: the gradients of six points to those of three taps. */
#define GATHER_TAPS(to, m0, m1, m2, m3, m4, m5)                \
    do {                                                       \
        const vector sum_a = m1 + m2, sum_b = m3 + m4;         \
        (to)[0] = m0 - (2.0F / 3.0F) * sum_a + (1.0F / 6.0F) * sum_b; \
        (to)[1] = (2.0F / 3.0F * A) * (m2 - m1) + (1.0F / 6.0F * B) * (m3 - m4); \
        (to)[2] = m5 + (1.0F / 3.0F) * (sum_b - sum_a);        \
    } while (0)

/* ---- source ------------------------------------------------------------------------------------------------ */

/* Rows of an image that one row of tiles reads; NULL outside. */
typedef struct rows {
    const float *at[F32_SIDE];
    int w;
} rows;

INLINE rows rows_of(const float *image, const tile_range *r, int top, int count)
{
    rows some = {.w = r->w};
    for (int i = 0; i < count; i++) {
        const int y = top + i;
        some.at[i] = y >= 0 && y < r->h ? image + (size_t)y * (size_t)r->w * LANES : NULL;
    }
    return some;
}

/* A column of pixels. */
INLINE void read_column(vector *to, const rows *some, int count, int x)
{
    const bool inside = x >= 0 && x < some->w;
    for (int i = 0; i < count; i++) {
        const bool here = inside && some->at[i] != NULL;
        to[i] = here ? LOAD(some->at[i] + (size_t)x * LANES) : (vector){0};
    }
}

/* The same along its axis. */
INLINE void source_column(vector to[SIDE], const rows *six, int x)
{
    vector d[SIDE];
    read_column(d, six, SIDE, x);
    SPREAD(to, d[0], d[1], d[2], d[3], d[4], d[5]);
}

INLINE void store_points(float *to, size_t point, const vector row[SIDE])
{
#pragma GCC unroll 6
    for (int x = 0; x < SIDE; x++) STORE(to + (size_t)x * point, row[x]);
}

/* Tiles of one row; two columns of a tile serve the next. */
FAST_CLONES static void source_row(float *to, size_t point, size_t tile, const rows *six, int first, int count)
{
    vector c[SIDE][SIDE], row[SIDE];
    for (int t = first; t < first + count; t++, to += tile) {
        /* one loop for new columns: the compiler might round in two pieces of code differently */
        for (int k = t == first ? 0 : 2; k < SIDE; k++) source_column(c[k], six, t * OUT + k - 1);
        for (int y = 0; y < SIDE; y++) {
            SPREAD(row, c[0][y], c[1][y], c[2][y], c[3][y], c[4][y], c[5][y]);
            store_points(to + (size_t)(SIDE * y) * point, point, row);
            c[0][y] = c[4][y];
            c[1][y] = c[5][y];
        }
    }
}

/* How many tiles of `r` follow the first `done` in their row; which row and tile of it. */
INLINE int tiles_in_row(const tile_range *r, int done, int *y, int *x)
{
    *y = (r->first + done) / r->across;
    *x = (r->first + done) % r->across;
    const int in_row = r->across - *x, left = r->count - done;
    return in_row < left ? in_row : left;
}

void winograd_f32_source(points_f32 to, const float *image, const tile_range *r)
{
    for (int done = 0, y, x; done < r->count;) {
        const int count = tiles_in_row(r, done, &y, &x);
        const rows six = rows_of(image, r, y * OUT - 1, SIDE);
        source_row(to.at + (size_t)done * to.tile, to.point, to.tile, &six, x, count);
        done += count;
    }
}

/* ---- gradient of the result -------------------------------------------------------------------------------- */

FAST_CLONES static void gradient_row(float *to, size_t point, size_t tile, const rows *four, int first, int count)
{
    vector c[OUT][SIDE], row[SIDE];
    for (int t = first; t < first + count; t++, to += tile) {
        for (int k = 0; k < OUT; k++) {
            vector d[OUT];
            read_column(d, four, OUT, t * OUT + k);
            SPREAD_GRADIENT(c[k], d[0], d[1], d[2], d[3]);
        }
        for (int y = 0; y < SIDE; y++) {
            SPREAD_GRADIENT(row, c[0][y], c[1][y], c[2][y], c[3][y]);
            store_points(to + (size_t)(SIDE * y) * point, point, row);
        }
    }
}

void winograd_f32_result_gradient(points_f32 to, const float *image, const tile_range *r)
{
    for (int done = 0, y, x; done < r->count;) {
        const int count = tiles_in_row(r, done, &y, &x);
        const rows four = rows_of(image, r, y * OUT, OUT);
        gradient_row(to.at + (size_t)done * to.tile, to.point, to.tile, &four, x, count);
        done += count;
    }
}

/* ---- result ------------------------------------------------------------------------------------------------ */

INLINE void write_pixel(float *to, vector value, vector bias, const tile_tail *tail)
{
    value += bias;
    if (tail->sum) value += LOAD(to);
    /* what is no number stays so */
    if (tail->relu) value = (vector)((mask)value & ~(value < 0.0F));
    STORE(to, value);
}

/* image: the tile's first pixel; rows and columns of it that are there. */
INLINE void result_tile(float *image, size_t row, const float *m, size_t point, int height, int width,
                        const tile_tail *tail)
{
    vector lines[OUT][SIDE], pixels[OUT];
    const vector bias = LOAD(tail->bias);
    for (int x = 0; x < SIDE; x++) {
        const float *const from = m + (size_t)x * point;
        const vector m0 = LOAD(from), m1 = LOAD(from + SIDE * point), m2 = LOAD(from + 2 * SIDE * point);
        const vector m3 = LOAD(from + 3 * SIDE * point), m4 = LOAD(from + 4 * SIDE * point);
        const vector m5 = LOAD(from + 5 * SIDE * point);
        vector column[OUT];
        GATHER(column, m0, m1, m2, m3, m4, m5);
        for (int y = 0; y < OUT; y++) lines[y][x] = column[y];
    }
    for (int y = 0; y < OUT && y < height; y++, image += row) {
        const vector *const l = lines[y];
        GATHER(pixels, l[0], l[1], l[2], l[3], l[4], l[5]);
        for (int x = 0; x < OUT; x++) {
            if (x < width) write_pixel(image + x * LANES, pixels[x], bias, tail);
        }
    }
}

FAST_CLONES static void result_row(float *image, const tile_range *r, const float *m, size_t point, size_t tile, int y,
                                   int first, int count, const tile_tail *tail)
{
    const size_t row = (size_t)r->w * LANES;
    for (int t = first; t < first + count; t++, m += tile) {
        float *const at = image + (size_t)(y * OUT) * row + (size_t)(t * OUT) * LANES;
        result_tile(at, row, m, point, r->h - y * OUT, r->w - t * OUT, tail);
    }
}

void winograd_f32_result(float *image, points_f32 from, const tile_range *r, const tile_tail *tail)
{
    for (int done = 0, y, x; done < r->count;) {
        const int count = tiles_in_row(r, done, &y, &x);
        result_row(image, r, from.at + (size_t)done * from.tile, from.point, from.tile, y, x, count, tail);
        done += count;
    }
}

/* ---- products ---------------------------------------------------------------------------------------------- */

/* Sums stay in registers: `tiles` is a constant wherever this is used. */
INLINE void products(float *m, size_t m_tile, const float *v, size_t v_tile, const float *u, size_t channels, bool add,
                     const int tiles)
{
    vector sums[F32_TILES][2];
#pragma GCC unroll 6
    for (int t = 0; t < tiles; t++) {
        sums[t][0] = add ? LOAD(m + (size_t)t * m_tile) : (vector){0};
        sums[t][1] = add ? LOAD(m + (size_t)t * m_tile + LANES) : (vector){0};
    }
    for (size_t c = 0; c < channels; c++, u += GROUP) {
        const vector first = LOAD(u), second = LOAD(u + LANES);
#pragma GCC unroll 6
        for (int t = 0; t < tiles; t++) {
            const float one = v[(size_t)t * v_tile + c];
            const vector x = ALL(one);
            sums[t][0] += first * x;
            sums[t][1] += second * x;
        }
    }
#pragma GCC unroll 6
    for (int t = 0; t < tiles; t++) {
        STORE(m + (size_t)t * m_tile, sums[t][0]);
        STORE(m + (size_t)t * m_tile + LANES, sums[t][1]);
    }
}

#define PRODUCTS(count) \
    case count: products(m, m_tile, v, v_tile, u, channels, add, count); break

FAST_CLONES static void multiply(float *m, size_t m_tile, const float *v, size_t v_tile, const float *u, size_t channels,
                                 bool add, int tiles)
{
    for (; tiles >= F32_TILES; tiles -= F32_TILES, m += F32_TILES * m_tile, v += F32_TILES * v_tile) {
        products(m, m_tile, v, v_tile, u, channels, add, F32_TILES);
    }
    switch (tiles) {
        PRODUCTS(1);
        PRODUCTS(2);
        PRODUCTS(3);
        PRODUCTS(4);
        PRODUCTS(5);
    default: break;
    }
}

void winograd_f32_multiply(float *m, size_t m_tile, const float *v, size_t v_tile, const float *u, int channels, int tiles)
{
    enum { CHANNELS = 256 };
    for (int c = 0; c < channels; c += CHANNELS) {
        const int count = channels - c < CHANNELS ? channels - c : CHANNELS;
        multiply(m, m_tile, v + c, v_tile, u + (size_t)c * GROUP, (size_t)count, c > 0, tiles);
    }
}

INLINE void outer_products(float *m, size_t m_channel, const float *v, size_t v_tile, const float *d, size_t d_tile,
                           size_t tiles, const int channels)
{
    vector sums[F32_TILES][2];
#pragma GCC unroll 6
    for (int c = 0; c < channels; c++) {
        sums[c][0] = LOAD(m + (size_t)c * m_channel);
        sums[c][1] = LOAD(m + (size_t)c * m_channel + LANES);
    }
    for (size_t t = 0; t < tiles; t++, v += v_tile, d += d_tile) {
        const vector first = LOAD(d), second = LOAD(d + LANES);
#pragma GCC unroll 6
        for (int c = 0; c < channels; c++) {
            const vector x = ALL(v[c]);
            sums[c][0] += first * x;
            sums[c][1] += second * x;
        }
    }
#pragma GCC unroll 6
    for (int c = 0; c < channels; c++) {
        STORE(m + (size_t)c * m_channel, sums[c][0]);
        STORE(m + (size_t)c * m_channel + LANES, sums[c][1]);
    }
}

#define OUTER_PRODUCTS(count) \
    case count: outer_products(m, m_channel, v, v_tile, d, d_tile, tiles, count); break

FAST_CLONES static void gather(float *m, size_t m_channel, const float *v, size_t v_tile, const float *d, size_t d_tile,
                               size_t tiles, int channels)
{
    for (; channels >= F32_TILES; channels -= F32_TILES, m += F32_TILES * m_channel, v += F32_TILES) {
        outer_products(m, m_channel, v, v_tile, d, d_tile, tiles, F32_TILES);
    }
    switch (channels) {
        OUTER_PRODUCTS(1);
        OUTER_PRODUCTS(2);
        OUTER_PRODUCTS(3);
        OUTER_PRODUCTS(4);
        OUTER_PRODUCTS(5);
    default: break;
    }
}

void winograd_f32_gather(float *m, size_t m_channel, const points_f32 *v, const points_f32 *d, int channels, int tiles)
{
    gather(m, m_channel, v->at, v->tile, d->at, d->tile, (size_t)tiles, channels);
}

/* ---- weights ----------------------------------------------------------------------------------------------- */

FAST_CLONES static void spread_taps(float *to, size_t point, const float *taps, size_t tap)
{
    for (int lane = 0; lane < GROUP; lane += LANES, to += LANES, taps += LANES) {
        vector columns[TAPS][SIDE], row[SIDE];
        for (int x = 0; x < TAPS; x++) {
            const float *const from = taps + (size_t)x * tap;
            const vector g0 = LOAD(from), g1 = LOAD(from + TAPS * tap), g2 = LOAD(from + 2 * TAPS * tap);
            SPREAD_TAPS(columns[x], g0, g1, g2);
        }
        for (int y = 0; y < SIDE; y++) {
            SPREAD_TAPS(row, columns[0][y], columns[1][y], columns[2][y]);
            store_points(to + (size_t)(SIDE * y) * point, point, row);
        }
    }
}

void winograd_f32_taps(float *to, size_t point, const float *taps, size_t tap)
{
    spread_taps(to, point, taps, tap);
}

FAST_CLONES static void gather_taps(float *to, size_t y_stride, size_t x_stride, const float *m, size_t point)
{
    vector columns[SIDE][TAPS], row[TAPS];
    for (int x = 0; x < SIDE; x++) {
        const float *const from = m + (size_t)x * point;
        const vector m0 = LOAD(from), m1 = LOAD(from + SIDE * point), m2 = LOAD(from + 2 * SIDE * point);
        const vector m3 = LOAD(from + 3 * SIDE * point), m4 = LOAD(from + 4 * SIDE * point);
        const vector m5 = LOAD(from + 5 * SIDE * point);
        GATHER_TAPS(columns[x], m0, m1, m2, m3, m4, m5);
    }
    for (int y = 0; y < TAPS; y++) {
        GATHER_TAPS(row, columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y], columns[5][y]);
        for (int x = 0; x < TAPS; x++) STORE(to + (size_t)y * y_stride + (size_t)x * x_stride, row[x]);
    }
}

void winograd_f32_tap_gradients(float *to, size_t y_stride, size_t x_stride, const float *m, size_t point)
{
    gather_taps(to, y_stride, x_stride, m, point);
}
