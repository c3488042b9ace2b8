/* Weights to 8 bits, channel by channel, and back. */
#include "net/quantise.h"

#include <math.h>

#include "base/clones.h"
#include "base/memory.h"

enum { LANES = 16, RANGES = 48, ARENA_CHUNK = 1 << 16 };

int quantise_channels(const param *p)
{
    return p->shape[p->role == PARAM_UPCONV_WEIGHT ? 1 : 0];
}

/* ---- one channel ----------------------------------------------------------------------------------------- */

/* To the nearest whole number, ties to even, for |v| < 2^22: without a call, so that loops are vectorised. */
static inline float nearest(float v)
{
    const float shift = 0x1.8p23F;
    return (v + shift) - shift;
}

static inline float whole(float weight, float inverse)
{
    const float most = (float)QUANTISE_MOST;
    const float v = weight * inverse;
    return nearest(v > most ? most : v < -most ? -most : v);
}

/* With q the whole numbers at this scale: sums of w q and of q q. The order of the sums is fixed. */
FAST_CLONES static void products(double *wq, double *qq, const float *weights, size_t count, float scale)
{
    float a[LANES] = {0}, b[LANES] = {0};
    const float inverse = 1.0F / scale;
    const size_t even = count / LANES * LANES;
    for (size_t i = 0; i < even; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            const float q = whole(weights[i + k], inverse);
            a[k] += weights[i + k] * q;
            b[k] += q * q;
        }
    }
    *wq = *qq = 0;
    for (size_t i = even; i < count; i++) {
        const float q = whole(weights[i], inverse);
        *wq += (double)weights[i] * (double)q;
        *qq += (double)q * (double)q;
    }
    for (size_t k = 0; k < LANES; k++) {
        *wq += (double)a[k];
        *qq += (double)b[k];
    }
}

/*
 * The least squared error for given whole numbers q is at the scale <w, q> / <q, q> and is <w, w> - <w, q>^2 / <q, q>: the
 * range whose last term is greatest is the best.
 */
void quantise_channel(signed char *out, float *scale, const float *weights, size_t count)
{
    float largest = 0, chosen = 1, best_scale = 1;
    double best = -1;
    for (size_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(weights[i]));
    for (int k = 0; k < RANGES && largest > 0; k++) {
        const float tried = largest * (1.0F - 0.5F * (float)k / (float)RANGES) / (float)QUANTISE_MOST;
        double wq, qq;
        if (!isnormal(tried)) break; /* weights next to zero: none of their numbers matters */
        products(&wq, &qq, weights, count, tried);
        if (wq * wq / qq <= best) continue;
        best = wq * wq / qq;
        chosen = tried;
        best_scale = (float)(wq / qq);
    }
    for (size_t i = 0; i < count; i++) out[i] = (signed char)whole(weights[i], 1.0F / chosen);
    *scale = best_scale;
}

/* ---- a network ------------------------------------------------------------------------------------------- */

/* Where the weights of an output channel lie: `runs` rows of `length` values, `step` apart. */
typedef struct channel_rows {
    size_t runs, length, step;
} channel_rows;

static channel_rows rows_of(const param *p)
{
    const size_t taps = (size_t)p->shape[2] * (size_t)p->shape[3];
    if (p->role == PARAM_UPCONV_WEIGHT) return (channel_rows){(size_t)p->shape[0], taps, (size_t)p->shape[1] * taps};
    return (channel_rows){1, (size_t)p->shape[1] * taps, 0};
}

/* One channel through a dense buffer; false: no memory. */
static bool quantise_one(signed char *out, float *scale, const float *weights, const param *p, int channel)
{
    const channel_rows r = rows_of(p);
    const size_t count = r.runs * r.length, first = (size_t)channel * r.length;
    float *const values = memory_allocate(count, sizeof *values);
    signed char *const numbers = values == NULL ? NULL : memory_allocate(count, 1);
    if (numbers != NULL) {
        for (size_t i = 0; i < count; i++) values[i] = weights[first + i / r.length * r.step + i % r.length];
        quantise_channel(numbers, scale, values, count);
        for (size_t i = 0; i < count; i++) out[first + i / r.length * r.step + i % r.length] = numbers[i];
    }
    memory_free(values);
    memory_free(numbers);
    return numbers != NULL;
}

static status quantise_param(params *out, int index, const params *from, int threads)
{
    const param *const p = &from->table->entries[index];
    const int channels = quantise_channels(p);
    signed char *const numbers = arena_take(out->owned, p->count, 1);
    float *const scales = numbers == NULL ? NULL : arena_take(out->owned, (size_t)channels, sizeof *scales);
    if (scales == NULL) return POLYP_ERR_MEMORY;
    bool good = true;
#pragma omp parallel for num_threads(threads) schedule(dynamic) reduction(&& : good)
    for (int c = 0; c < channels; c++) {
        good = quantise_one(numbers, &scales[c], params_f32(from, index), p, c) && good;
    }
    (void)threads;
    out->data[index] = numbers;
    out->dtype[index] = DTYPE_S8;
    out->scales[index] = scales;
    return good ? POLYP_OK : POLYP_ERR_MEMORY;
}

status quantise_weights(params *out, const graph *g, const params *from, int threads)
{
    const size_t count = (size_t)from->table->count;
    params p = {.table = from->table};
    status result;
    TRY_DONE(arena_create(&p.owned, ARENA_CHUNK));
    TRY_DONE(memory_new(&p.data, count));
    TRY_DONE(memory_new(&p.dtype, count));
    p.scales = arena_take(p.owned, count, sizeof *p.scales);
    TRY_DONE(p.scales == NULL ? POLYP_ERR_MEMORY : POLYP_OK);
    for (size_t i = 0; i < count; i++) {
        p.data[i] = from->data[i];
        p.dtype[i] = from->dtype[i];
    }
    for (int i = 0; i < g->count; i++) {
        const op *const o = &g->ops[i];
        const bool convolves = o->kind == OP_CONV || o->kind == OP_UPCONV;
        if (convolves && !graph_is_output(g, i)) TRY_DONE(quantise_param(&p, o->param, from, threads));
    }
    *out = p;
    return POLYP_OK;
done:
    params_free(&p);
    return result;
}

static void scale_back(float *out, const params *from, int index)
{
    const param *const p = &from->table->entries[index];
    const signed char *const numbers = from->data[index];
    const channel_rows r = rows_of(p);
    const int channels = quantise_channels(p);
    for (int c = 0; c < channels; c++) {
        const float scale = from->scales[index][c];
        for (size_t run = 0; run < r.runs; run++) {
            const size_t first = (size_t)c * r.length + run * r.step;
            for (size_t i = first; i < first + r.length; i++) out[i] = (float)numbers[i] * scale;
        }
    }
}

status quantise_undo(params *out, const params *from)
{
    params p;
    TRY(params_create(&p, from->table));
    for (int i = 0; i < from->table->count; i++) {
        const param *const entry = &from->table->entries[i];
        float *const values = p.flat + entry->offset;
        if (from->dtype[i] == DTYPE_S8) {
            scale_back(values, from, i);
        } else {
            const float *const same = params_f32(from, i);
            for (size_t k = 0; k < entry->count; k++) values[k] = same[k];
        }
    }
    *out = p;
    return POLYP_OK;
}
