/* Winograd's algorithm in bf16: how weights are transformed, from a plain table or from a training plan's blocks. */
#include <string.h>

#include "base/clones.h"
#include "engine/onednn/winograd/bf16.h"
#include "engine/onednn/winograd/bf16_steps.h"

enum { TAPS = 3, ALL_TAPS = TAPS * TAPS, SIDE = 4, LANES = BF16_LANES, POINTS = BF16_POINTS };

/* Two input channels for each output channel of a group. */
enum { PLACES = 2 * 2 * LANES };

/* G of the paper along one axis: three taps to four points. */
static inline __attribute__((always_inline)) void spread(float to[SIDE][PLACES], const float *a, const float *b,
                                                         const float *c)
{
    for (int i = 0; i < PLACES; i++) {
        const float even = 0.5F * (a[i] + c[i]), odd = 0.5F * b[i];
        to[0][i] = a[i];
        to[1][i] = even + odd;
        to[2][i] = even - odd;
        to[3][i] = c[i];
    }
}

/* Taps [3 * y + x] to points [4 * y + x], `points` values apart. */
static inline __attribute__((always_inline)) void transform_weights(bf16 *to, size_t points,
                                                                    float taps[ALL_TAPS][PLACES], int places)
{
    float columns[TAPS][SIDE][PLACES], row[SIDE][PLACES];
    for (int x = 0; x < TAPS; x++) spread(columns[x], taps[x], taps[TAPS + x], taps[2 * TAPS + x]);
    for (int y = 0; y < SIDE; y++) {
        spread(row, columns[0][y], columns[1][y], columns[2][y]);
        for (int x = 0; x < SIDE; x++) {
            for (int i = 0; i < places; i++) to[(size_t)(SIDE * y + x) * points + (size_t)i] = winograd_bf16_narrow(row[x][i]);
        }
    }
}

/* How the transformed weights of a convolution lie: of each group [point][ic / 2][output channels][2]. */
typedef struct transformed {
    int channels, groups;     /* output channels of a group; how many */
    size_t of_pair, of_point; /* values */
} transformed;

static transformed transformed_of(const conv_spec *s)
{
    transformed t = {.channels = winograd_bf16_vectors(s->oc) * LANES};
    t.groups = s->oc / t.channels;
    t.of_pair = (size_t)t.channels * 2;
    t.of_point = t.of_pair * (size_t)(s->ic / 2);
    return t;
}

static bf16 *pair_at(const transformed *t, void *to, int group, int pair)
{
    return (bf16 *)to + (size_t)group * POINTS * t->of_point + (size_t)pair * t->of_pair;
}

/* ---- from a plain table ------------------------------------------------------------------------------------ */

/* taps[tap][2 * output channel + parity of the input channel], of a group's output channels and one pair of inputs. */
static void gather_taps(float taps[ALL_TAPS][PLACES], const float *plain, const float *factor, int ic, int channels)
{
    for (int o = 0; o < channels; o++, plain += (size_t)ic * ALL_TAPS) {
        const float f = factor == NULL ? 1.0F : factor[o];
        for (int tap = 0; tap < ALL_TAPS; tap++) {
            taps[tap][2 * o] = f * plain[tap];
            taps[tap][2 * o + 1] = f * plain[ALL_TAPS + tap];
        }
    }
}

FAST_CLONES static void transform_plain(bf16 *to, const transformed *t, const float *plain, const float *factor, int ic)
{
    float taps[ALL_TAPS][PLACES] = {{0}};
    gather_taps(taps, plain, factor, ic, t->channels);
    transform_weights(to, t->of_point, taps, 2 * t->channels);
}

void winograd_bf16_prepare(void *to, const float *plain, const float *factor, const conv_spec *s, int threads)
{
    const transformed t = transformed_of(s);
    const int inputs = s->ic / 2;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < t.groups * inputs; i++) {
        const int group = i / inputs, pair = i % inputs, first = group * t.channels;
        const float *const row = plain + ((size_t)first * (size_t)s->ic + 2 * (size_t)pair) * ALL_TAPS;
        transform_plain(pair_at(&t, to, group, pair), &t, row, factor == NULL ? NULL : factor + first, s->ic);
    }
}

/* ---- from a training plan's blocks ------------------------------------------------------------------------- */

bool winograd_bf16_reads(const weights_blocks *b, const conv_spec *s)
{
    return b->oc == s->oc && b->ic == s->ic && b->oc_block == LANES && b->ic_block == LANES && b->ic_inner == 1;
}

/* A group's output channels: one or two blocks, `apart` values from one to the next; likewise the taps. */
typedef struct blocks_of_group {
    const float *first;
    size_t apart, y_stride, x_stride;
    int count;
} blocks_of_group;

static const float *tap_block(const blocks_of_group *g, int block, int tap)
{
    return g->first + (size_t)block * g->apart + (size_t)(tap / TAPS) * g->y_stride +
           (size_t)(tap % TAPS) * g->x_stride;
}

/* Input channels 2 * pair and the next: two rows of each block. */
static inline __attribute__((always_inline)) void gather_rows(float taps[ALL_TAPS][PLACES], const blocks_of_group *g,
                                                              int pair)
{
    for (int tap = 0; tap < ALL_TAPS; tap++) {
        for (int k = 0; k < g->count; k++) {
            const float *const row = tap_block(g, k, tap) + 2 * pair * LANES;
            float *const to = taps[tap] + 2 * k * LANES;
            for (int o = 0; o < LANES; o++) {
                to[2 * o] = row[o];
                to[2 * o + 1] = row[LANES + o];
            }
        }
    }
}

/* Backward, what was an input channel is an output channel, and the other way round, and the kernel is turned by 180
 * degrees: two columns of each block. */
static inline __attribute__((always_inline)) void gather_columns(float taps[ALL_TAPS][PLACES], const blocks_of_group *g,
                                                                 int pair)
{
    for (int tap = 0; tap < ALL_TAPS; tap++) {
        for (int k = 0; k < g->count; k++) {
            const float *const column = tap_block(g, k, tap) + 2 * pair;
            float *const to = taps[ALL_TAPS - 1 - tap] + 2 * k * LANES;
            for (int o = 0; o < LANES; o++) memcpy(to + 2 * o, column + o * LANES, 2 * sizeof *to);
        }
    }
}

/* One block of the input channels that the transformed weights have. */
FAST_CLONES static void transform_blocks(bf16 *to, const transformed *t, const blocks_of_group *g, bool turned)
{
    float taps[ALL_TAPS][PLACES] = {{0}};
    for (int pair = 0; pair < LANES / 2; pair++) {
        if (turned) gather_columns(taps, g, pair);
        else gather_rows(taps, g, pair);
        transform_weights(to + (size_t)pair * t->of_pair, t->of_point, taps, 2 * t->channels);
    }
}

/* s: the convolution that is computed, of which `b` says how the forward one's weights lie. */
static void prepare_blocks(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, bool turned,
                           int threads)
{
    const transformed t = transformed_of(s);
    const int inputs = s->ic / LANES, count = t.channels / LANES;
    const size_t of_output = turned ? b->ic_stride : b->oc_stride, of_input = turned ? b->oc_stride : b->ic_stride;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < t.groups * inputs; i++) {
        const int group = i / inputs, input = i % inputs;
        const float *const first = blocks + (size_t)(group * count) * of_output + (size_t)input * of_input;
        const blocks_of_group g = {first, of_output, b->y_stride, b->x_stride, count};
        transform_blocks(pair_at(&t, to, group, input * LANES / 2), &t, &g, turned);
    }
}

void winograd_bf16_prepare_forward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, int threads)
{
    prepare_blocks(to, blocks, b, s, false, threads);
}

void winograd_bf16_prepare_backward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *turned,
                               int threads)
{
    prepare_blocks(to, blocks, b, turned, true, threads);
}
