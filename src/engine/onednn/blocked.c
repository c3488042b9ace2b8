/* Weights into blocked layouts: some rows of the table side by side in a small buffer, from there each block transposed. */
#include "engine/onednn/blocked.h"

#include <stdint.h>
#include <string.h>

#include "base/clones.h"
#include "net/params.h"

/* Units of 4 bytes are moved: a float, two values in bf16, four bytes. */
enum { UNIT = 4 };

/* The buffer: room for one block of 7x7 taps, and what several blocks may take together. */
enum { ROOM = 16 * (16 * 49 * sizeof(float) + MEMORY_ALIGNMENT), SLICE = 1 << 15, ROW_GAP = MEMORY_ALIGNMENT };

static size_t size_of(enum blocked_type type)
{
    static const size_t SIZES[] = {[BLOCKED_F32] = 4, [BLOCKED_BF16] = 2, [BLOCKED_S8] = 1};
    return SIZES[type];
}

bool blocked_suits(weights_blocks *out, const dnn_conv *c, enum blocked_type type, int taps)
{
    if (!dnn_conv_blocks(out, c) || (size_t)out->ic_inner * size_of(type) != UNIT) return false;
    const size_t row = (size_t)out->ic_block * (size_t)taps * size_of(type) + ROW_GAP;
    return (size_t)out->oc_block * row <= ROOM;
}

/* ---- where the table has what ---------------------------------------------------------------------------- */

static void find_rows(int *row, const weight_shape *s, const bool *dead)
{
    const int groups = s->up ? s->taps : 1;
    for (int k = 0; k < groups * s->oc; k++) {
        const int group = k / s->oc, c = k % s->oc;
        if (dead != NULL && dead[c]) continue;
        row[group * s->oc_padded + c] = s->up ? c * s->taps + group : c * s->ic * s->taps;
    }
}

static void find_columns(int *column, const weight_shape *s)
{
    for (int c = 0; c < s->ic; c++) column[s->ic_map[c]] = c * (s->up ? s->oc : 1) * s->taps;
}

static void find_factors(float *to, const weight_shape *s, const float *factor)
{
    for (int k = 0; k < (s->up ? s->taps : 1) * s->oc; k++) to[k / s->oc * s->oc_padded + k % s->oc] = factor[k % s->oc];
}

status blocked_describe(blocked_job *job, arena *owner, const weight_shape *s, const float *factor, const bool *dead)
{
    const size_t oc = (size_t)job->blocks.oc, ic = (size_t)job->blocks.ic;
    int *const row = arena_take(owner, oc, sizeof *row), *const column = arena_take(owner, ic, sizeof *column);
    float *const factors = arena_take(owner, oc, sizeof *factors);
    if (row == NULL || column == NULL || factors == NULL) return POLYP_ERR_MEMORY;
    for (size_t k = 0; k < oc; k++) row[k] = -1;
    for (size_t k = 0; k < ic; k++) column[k] = -1;
    for (size_t k = 0; k < oc; k++) factors[k] = 1.0F;
    find_rows(row, s, dead);
    find_columns(column, s);
    if (factor != NULL) find_factors(factors, s, factor);
    job->row = row;
    job->column = column;
    job->factor = factors;
    job->taps = s->up ? 1 : s->taps;
    while (job->kernel * job->kernel < job->taps) job->kernel++;
    job->values = (size_t)s->oc * (size_t)s->ic * (size_t)s->taps;
    job->dense = true;
    for (size_t k = 0; k < ic; k++) job->dense = job->dense && column[k] == (int)k * job->taps;
    return POLYP_OK;
}

/* ---- rows of the table ----------------------------------------------------------------------------------- */

/* To the nearest, ties to even; what has no leading bit becomes 0, as in the processor's own instruction. */
static inline uint16_t narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7F800000U) == 0) bits &= 0x80000000U;
    return (uint16_t)((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

FAST_CLONES static void scale_row(float *restrict to, const float *restrict from, float factor, size_t count)
{
    for (size_t k = 0; k < count; k++) to[k] = factor * from[k];
}

FAST_CLONES static void narrow_row(uint16_t *restrict to, const float *restrict from, float factor, size_t count)
{
    for (size_t k = 0; k < count; k++) to[k] = narrow(factor * from[k]);
}

/* `count` values that lie side by side in the table, from number `at` on. */
static void copy_row(void *to, const blocked_job *job, size_t at, float factor, size_t count)
{
    if (job->type == BLOCKED_S8) {
        memcpy(to, (const signed char *)job->table + at, count);
    } else if (job->type == BLOCKED_BF16) {
        narrow_row(to, (const float *)job->table + at, factor, count);
    } else {
        scale_row(to, (const float *)job->table + at, factor, count);
    }
}

/* Some input channels of one block of output channels. */
typedef struct slice {
    int oc, ic; /* the first */
    int channels;
    size_t row_bytes; /* from row to row of the buffer: one for each output channel */
} slice;

static void fill_dense(unsigned char *buffer, const blocked_job *job, const slice *s)
{
    const size_t count = (size_t)s->channels * (size_t)job->taps;
    for (int o = 0; o < job->blocks.oc_block; o++) {
        unsigned char *const to = buffer + (size_t)o * s->row_bytes;
        const int row = job->row[s->oc + o];
        if (row < 0) memset(to, 0, count * size_of(job->type));
        else copy_row(to, job, (size_t)(row + job->column[s->ic]), job->factor[s->oc + o], count);
    }
}

/* Channel by channel: there are gaps, or the table has output channels side by side. */
static void fill_sparse(unsigned char *buffer, const blocked_job *job, const slice *s)
{
    const size_t taps = (size_t)job->taps, size = size_of(job->type);
    for (int i = 0; i < s->channels; i++) {
        const int column = job->column[s->ic + i];
        for (int o = 0; o < job->blocks.oc_block; o++) {
            unsigned char *const to = buffer + (size_t)o * s->row_bytes + (size_t)i * taps * size;
            const int row = job->row[s->oc + o];
            if (row < 0 || column < 0) memset(to, 0, taps * size);
            else copy_row(to, job, (size_t)(row + column), job->factor[s->oc + o], taps);
        }
    }
}

/* ---- blocks ---------------------------------------------------------------------------------------------- */

static inline uint32_t unit_f32(const unsigned char *from, size_t taps)
{
    uint32_t unit;
    (void)taps;
    memcpy(&unit, from, sizeof unit);
    return unit;
}

static inline uint32_t unit_bf16(const unsigned char *from, size_t taps)
{
    uint16_t low, high;
    memcpy(&low, from, sizeof low);
    memcpy(&high, from + taps * sizeof high, sizeof high);
    return low | (uint32_t)high << 16;
}

static inline uint32_t unit_s8(const unsigned char *from, size_t taps)
{
    return from[0] | (uint32_t)from[taps] << 8 | (uint32_t)from[2 * taps] << 16 | (uint32_t)from[3 * taps] << 24;
}

typedef uint32_t unit_reader(const unsigned char *from, size_t taps);

/* One tap of one block: [outer][lanes] units from `lanes` rows of the buffer. */
static inline __attribute__((always_inline)) void spread(uint32_t *restrict to, const unsigned char *restrict from,
                                                         size_t row_bytes, int lanes, int outer, size_t taps,
                                                         unit_reader *unit)
{
    for (int i = 0; i < outer; i++) {
        for (int o = 0; o < lanes; o++) {
            to[i * lanes + o] = unit(from + (size_t)o * row_bytes + (size_t)i * UNIT * taps, taps);
        }
    }
}

/* Of one tap the values of a unit are neighbours in every type. */
#define DEFINE_SPREAD(name, unit)                                                                                       \
    FAST_CLONES static void name(uint32_t *restrict to, const unsigned char *restrict from, size_t row_bytes, int lanes, \
                                 int outer, size_t taps)                                                                \
    {                                                                                                                   \
        if (taps == 1 && lanes == 16) {                                                                                 \
            spread(to, from, row_bytes, 16, outer, 1, unit_f32);                                                        \
        } else if (taps == 1) {                                                                                         \
            spread(to, from, row_bytes, lanes, outer, 1, unit_f32);                                                     \
        } else if (lanes == 16) {                                                                                       \
            spread(to, from, row_bytes, 16, outer, taps, unit);                                                         \
        } else {                                                                                                        \
            spread(to, from, row_bytes, lanes, outer, taps, unit);                                                      \
        }                                                                                                               \
    }

DEFINE_SPREAD(spread_f32, unit_f32)
DEFINE_SPREAD(spread_bf16, unit_bf16)
DEFINE_SPREAD(spread_s8, unit_s8)

static void spread_block(const blocked_job *job, unsigned char *to, const unsigned char *from, size_t row_bytes)
{
    static void (*const SPREADS[])(uint32_t *restrict, const unsigned char *restrict, size_t, int, int, size_t) = {
        [BLOCKED_F32] = spread_f32, [BLOCKED_BF16] = spread_bf16, [BLOCKED_S8] = spread_s8};
    const weights_blocks *const b = &job->blocks;
    const size_t size = size_of(job->type), taps = (size_t)job->taps;
    for (size_t tap = 0; tap < taps; tap++) {
        const size_t y = tap / (size_t)job->kernel, x = tap % (size_t)job->kernel;
        void *const unit = to + (y * b->y_stride + x * b->x_stride) * size;
        SPREADS[job->type](unit, from + tap * size, row_bytes, b->oc_block, b->ic_block / b->ic_inner, taps);
    }
}

/* ---- all of them ----------------------------------------------------------------------------------------- */

/* Input channels that the buffer takes at once: whole blocks. */
static int slice_channels(const blocked_job *job)
{
    enum { MOST_BLOCKS = 128 };
    const weights_blocks *const b = &job->blocks;
    const size_t block = (size_t)b->oc_block * (size_t)b->ic_block * (size_t)job->taps * size_of(job->type);
    const int blocks = (int)(SLICE / block);
    return b->ic_block * (blocks < 1 ? 1 : blocks > MOST_BLOCKS ? MOST_BLOCKS : blocks);
}

/* A share of the table: of a dense one it is what the block's output channels read next, and thus in the cache. */
static bool share_is_finite(const blocked_job *job, int oc)
{
    const size_t all = (size_t)job->blocks.oc, first = (size_t)oc, end = first + (size_t)job->blocks.oc_block;
    const size_t from = job->values * first / all, to = job->values * end / all;
    return job->type == BLOCKED_S8 || values_are_finite((const float *)job->table + from, to - from, 1);
}

/* The block of output channels that begins with `oc`, for all input channels. */
static void place_channels(const blocked_job *job, int oc)
{
    _Alignas(MEMORY_ALIGNMENT) unsigned char buffer[ROOM];
    const weights_blocks *const b = &job->blocks;
    const size_t size = size_of(job->type), channel_bytes = (size_t)job->taps * size;
    const int most = slice_channels(job);
    unsigned char *const to = (unsigned char *)job->to + (size_t)(oc / b->oc_block) * b->oc_stride * size;
    for (int ic = 0; ic < b->ic; ic += most) {
        const int channels = b->ic - ic < most ? b->ic - ic : most;
        const slice s = {oc, ic, channels, (size_t)channels * channel_bytes + ROW_GAP};
        if (job->dense) fill_dense(buffer, job, &s);
        else fill_sparse(buffer, job, &s);
        for (int i = 0; i < channels; i += b->ic_block) {
            spread_block(job, to + (size_t)((ic + i) / b->ic_block) * b->ic_stride * size,
                         buffer + (size_t)i * channel_bytes, s.row_bytes);
        }
    }
}

/* No thread waits for another between two jobs. */
bool blocked_place(const blocked_job *jobs, int count, int threads)
{
    bool finite = true;
    (void)threads;
#pragma omp parallel num_threads(threads) reduction(&& : finite)
    for (int k = 0; k < count; k++) {
        const blocked_job *const job = &jobs[k];
#pragma omp for schedule(dynamic) nowait
        for (int oc = 0; oc < job->blocks.oc; oc += job->blocks.oc_block) {
            finite = share_is_finite(job, oc) && finite;
            place_channels(job, oc);
        }
    }
    return finite;
}
