/* Winograd's algorithm in bf16: where it is used, how weights are transformed, and how work is cut. */
#include "engine/onednn/winograd.h"

#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/clones.h"
#include "base/memory.h"
#include "engine/onednn/winograd_steps.h"

enum { TAPS = 3, SIDE = 4, LANES = WINOGRAD_LANES, POINTS = WINOGRAD_POINTS };

/* ---- how work is cut -------------------------------------------------------------------------------------- */

/*
 * Tiles are cut into chunks, whose transformed source stays in a core's cache while the weights pass by; a chunk is done
 * by one thread. Where a small image has fewer chunks than there are threads, its output channels are cut as well.
 */
typedef struct cut {
    int across, tiles, pairs; /* pairs: of tiles */
    int blocks;               /* of input channels */
    int vectors, groups;      /* blocks of output channels that are multiplied at once; how often */
    int chunks, room;         /* room: tiles of the largest chunk, even */
    int parts;                /* of the groups */
} cut;

static int divided_up(int a, int b)
{
    return (a + b - 1) / b;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Of a chunk's transformed source: the more, the fewer times many weights pass by; but a core's cache should hold it. */
static int source_bytes(const cut *c)
{
    enum { LEAST = 128 << 10, MOST = 512 << 10, PART = 4 };
    const int64_t block = (int64_t)POINTS * LANES * LANES * (int64_t)sizeof(bf16);
    const int64_t weights = block * c->blocks * c->groups * c->vectors;
    return weights / PART < LEAST ? LEAST : weights / PART > MOST ? MOST : (int)(weights / PART);
}

/* Each thread should have its share, but with few tiles at a time the weights pass by too often. */
static int chunks_for(const cut *c, int threads)
{
    enum { FEWEST = 16 };
    const int fit = source_bytes(c) / (POINTS * LANES * (int)sizeof(bf16) * c->blocks);
    const int most = fit > WINOGRAD_MOST_TILES ? fit / WINOGRAD_MOST_TILES * WINOGRAD_MOST_TILES : WINOGRAD_MOST_TILES;
    const int fair = divided_up(divided_up(c->tiles, most), threads) * threads;
    const int chunks = least(fair, divided_up(c->tiles, FEWEST));
    return least(chunks, c->pairs);
}

static cut cut_of(const conv_spec *s, int threads)
{
    cut c = {.across = divided_up(s->ow, 2), .blocks = s->ic / LANES};
    c.tiles = c.across * divided_up(s->oh, 2);
    c.pairs = divided_up(c.tiles, 2);
    c.vectors = s->oc % (2 * LANES) == 0 ? 2 : 1;
    c.groups = s->oc / (c.vectors * LANES);
    c.chunks = chunks_for(&c, threads);
    c.room = 2 * divided_up(c.pairs, c.chunks);
    c.parts = least(c.groups, divided_up(threads, c.chunks));
    return c;
}

/* Part i of n of `count` things begins here. */
static int part_start(int count, int i, int n)
{
    return (int)((long long)count * i / n);
}

static size_t source_values(const cut *c)
{
    return (size_t)POINTS * (size_t)c->blocks * (size_t)c->room * LANES;
}

static size_t product_values(const cut *c)
{
    return (size_t)POINTS * WINOGRAD_MOST_TILES * (size_t)c->vectors * LANES;
}

static size_t thread_bytes(const cut *c)
{
    const size_t bytes = source_values(c) * sizeof(bf16) + product_values(c) * sizeof(float);
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

/* ---- rule and sizes --------------------------------------------------------------------------------------- */

bool winograd_suits(const conv_spec *s)
{
    enum { FEWEST_CHANNELS = 32, SMALLEST_SIDE = 6 };
    return s->bf16 && !s->f32_result && !s->planar && s->kernel == TAPS && s->stride == 1 && s->padding == 1 &&
           s->ic % LANES == 0 && s->oc % LANES == 0 && s->ic >= FEWEST_CHANNELS && s->ih >= SMALLEST_SIDE &&
           s->iw >= SMALLEST_SIDE;
}

size_t winograd_weights_bytes(const conv_spec *s)
{
    return (size_t)POINTS * (size_t)s->ic * (size_t)s->oc * sizeof(bf16);
}

size_t winograd_scratch_bytes(const conv_spec *s, int threads)
{
    const cut c = cut_of(s, threads);
    return (size_t)threads * thread_bytes(&c);
}

/* ---- weights ---------------------------------------------------------------------------------------------- */

/* Two input channels for each output channel of a group. */
enum { PLACES = 2 * 2 * LANES };

/* To the nearest, ties to even; of what is no number, the upper half with the bit that keeps it so. */
static inline bf16 narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    return (bf16)((value != value ? bits | 0x400000U : rounded) >> 16);
}

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
FAST_CLONES static void transform_weights(bf16 *to, size_t points, float taps[TAPS * TAPS][PLACES], int places)
{
    float columns[TAPS][SIDE][PLACES], row[SIDE][PLACES];
    for (int x = 0; x < TAPS; x++) spread(columns[x], taps[x], taps[TAPS + x], taps[2 * TAPS + x]);
    for (int y = 0; y < SIDE; y++) {
        spread(row, columns[0][y], columns[1][y], columns[2][y]);
        for (int x = 0; x < SIDE; x++) {
            for (int i = 0; i < places; i++) to[(size_t)(SIDE * y + x) * points + (size_t)i] = narrow(row[x][i]);
        }
    }
}

/* taps[tap][2 * output channel + parity of the input channel], of a group's output channels and one pair of inputs. */
static void gather_taps(float taps[TAPS * TAPS][PLACES], const float *plain, const float *factor, int ic, int channels)
{
    for (int o = 0; o < channels; o++, plain += (size_t)ic * TAPS * TAPS) {
        const float f = factor == NULL ? 1.0F : factor[o];
        for (int tap = 0; tap < TAPS * TAPS; tap++) {
            taps[tap][2 * o] = f * plain[tap];
            taps[tap][2 * o + 1] = f * plain[TAPS * TAPS + tap];
        }
    }
}

/* Of a group: [point][ic / 2][output channels][2]. */
void winograd_prepare(void *to, const float *plain, const float *factor, const conv_spec *s, int threads)
{
    const cut c = cut_of(s, threads);
    const int channels = c.vectors * LANES, inputs = s->ic / 2;
    const size_t of_pair = (size_t)channels * 2, of_point = of_pair * (size_t)inputs;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < c.groups * inputs; i++) {
        const int group = i / inputs, pair = i % inputs;
        const size_t row = (size_t)group * (size_t)channels * (size_t)s->ic + 2 * (size_t)pair;
        float taps[TAPS * TAPS][PLACES] = {{0}};
        gather_taps(taps, plain + row * TAPS * TAPS, factor == NULL ? NULL : factor + group * channels, s->ic, channels);
        transform_weights((bf16 *)to + (size_t)group * POINTS * of_point + (size_t)pair * of_pair, of_point, taps,
                          2 * channels);
    }
}

/* ---- a run ------------------------------------------------------------------------------------------------ */

static void transform_source(bf16 *v, const winograd_job *job, const cut *c, const tile_range *r)
{
    const size_t block = (size_t)r->h * (size_t)r->w * LANES, apart = (size_t)c->room * LANES;
    for (size_t b = 0; b < (size_t)c->blocks; b++) {
        job->steps->source(v + b * apart, (size_t)c->blocks * apart, (const bf16 *)job->source + b * block, r);
    }
}

/* As many tiles as fit into registers, times one group of output channels. v: of the first of them. */
static void multiply_tiles(float *m, const bf16 *v, const winograd_job *job, const cut *c, int group, int tiles)
{
    const size_t apart = (size_t)c->room * LANES, of_point = (size_t)c->vectors * LANES * (size_t)job->spec->ic;
    const bf16 *const u = (const bf16 *)job->weights + (size_t)group * POINTS * of_point;
    for (size_t p = 0; p < POINTS; p++) {
        job->steps->multiply(m + p * (size_t)(tiles * c->vectors) * LANES, v + p * (size_t)c->blocks * apart, apart,
                             u + p * of_point, c->blocks, c->vectors, tiles);
    }
}

static void finish_tiles(const float *m, const winograd_job *job, const cut *c, int group, int tiles,
                         const tile_range *r)
{
    const size_t image = (size_t)r->h * (size_t)r->w * LANES, of_tile = (size_t)c->vectors * LANES;
    for (size_t k = 0; k < (size_t)c->vectors; k++) {
        const size_t block = (size_t)(group * c->vectors) + k;
        const tile_tail tail = {job->bias + block * LANES, job->spec->sum, job->spec->relu};
        job->steps->result((bf16 *)job->destination + block * image, m + k * LANES, (size_t)tiles * of_tile, of_tile, r,
                           &tail);
    }
}

static void do_group(float *m, const bf16 *v, const winograd_job *job, const cut *c, int group, const tile_range *chunk)
{
    const int pairs = divided_up(chunk->count, 2), times = divided_up(2 * pairs, WINOGRAD_MOST_TILES);
    for (int i = 0; i < times; i++) {
        const int first = 2 * part_start(pairs, i, times), end = 2 * part_start(pairs, i + 1, times);
        tile_range r = *chunk;
        r.first = chunk->first + first;
        r.count = least(end, chunk->count) - first;
        multiply_tiles(m, v + (size_t)first * LANES, job, c, group, end - first);
        finish_tiles(m, job, c, group, end - first, &r);
    }
}

static void do_item(unsigned char *scratch, const winograd_job *job, const cut *c, int item)
{
    bf16 *const v = (bf16 *)(void *)scratch;
    float *const m = (float *)(void *)(scratch + source_values(c) * sizeof(bf16));
    const int chunk = item / c->parts, part = item % c->parts;
    tile_range r = {.h = job->spec->oh, .w = job->spec->ow, .across = c->across};
    r.first = 2 * part_start(c->pairs, chunk, c->chunks);
    r.count = least(2 * part_start(c->pairs, chunk + 1, c->chunks), c->tiles) - r.first;
    transform_source(v, job, c, &r);
    const int end = part_start(c->groups, part + 1, c->parts);
    for (int g = part_start(c->groups, part, c->parts); g < end; g++) do_group(m, v, job, c, g, &r);
}

static int this_thread(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

void winograd_run(const winograd_job *job)
{
    const cut c = cut_of(job->spec, job->threads);
#pragma omp parallel for num_threads(job->threads) schedule(dynamic, 1)
    for (int i = 0; i < c.chunks * c.parts; i++) {
        do_item((unsigned char *)job->scratch + (size_t)this_thread() * thread_bytes(&c), job, &c, i);
    }
}
