/* Winograd's algorithm in bf16: where it is used, and how work is cut. */
#include "engine/onednn/winograd/bf16.h"

#include "base/memory.h"
#include "engine/onednn/winograd/bf16_steps.h"

enum { LANES = BF16_LANES, POINTS = BF16_POINTS };

/* ---- how work is cut -------------------------------------------------------------------------------------- */

/*
 * Tiles are cut into chunks, whose transformed source stays in a core's cache while the weights pass by; a chunk is done
 * by one thread. Where a small image has fewer chunks than there are threads, its output channels are cut as well.
 */
typedef struct cut {
    tiling tiling;
    int pairs;                /* of tiles */
    int blocks;               /* of input channels */
    int vectors, groups;      /* blocks of output channels that are multiplied at once; how often */
    int chunks, room;         /* room: tiles of the largest chunk, even */
    int parts;                /* of the groups */
} cut;

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
    const int most = fit > BF16_MOST_TILES ? fit / BF16_MOST_TILES * BF16_MOST_TILES : BF16_MOST_TILES;
    const int fair = divided_up(divided_up(c->tiling.tiles, most), threads) * threads;
    const int chunks = at_most(fair, divided_up(c->tiling.tiles, FEWEST));
    return at_most(chunks, c->pairs);
}

static cut cut_of(const conv_spec *s, int threads)
{
    cut c = {.tiling = tiling_of(s, 2), .blocks = s->ic / LANES};
    c.pairs = divided_up(c.tiling.tiles, 2);
    c.vectors = winograd_bf16_vectors(s->oc);
    c.groups = s->oc / (c.vectors * LANES);
    c.chunks = chunks_for(&c, threads);
    c.room = 2 * divided_up(c.pairs, c.chunks);
    c.parts = at_most(c.groups, divided_up(threads, c.chunks));
    return c;
}

static size_t source_values(const cut *c)
{
    return (size_t)POINTS * (size_t)c->blocks * (size_t)c->room * LANES;
}

static size_t product_values(const cut *c)
{
    return (size_t)POINTS * BF16_MOST_TILES * (size_t)c->vectors * LANES;
}

static size_t thread_bytes(const cut *c)
{
    return memory_aligned(source_values(c) * sizeof(bf16) + product_values(c) * sizeof(float));
}

/* ---- rule and sizes --------------------------------------------------------------------------------------- */

bool winograd_bf16_suits(const conv_spec *s)
{
    enum { TAPS = 3, FEWEST_CHANNELS = 32, SMALLEST_SIDE = 6 };
    return s->bf16 && !s->f32_result && !s->planar && s->kernel == TAPS && s->stride == 1 && s->padding == 1 &&
           s->ic % LANES == 0 && s->oc % LANES == 0 && s->ic >= FEWEST_CHANNELS && s->ih >= SMALLEST_SIDE &&
           s->iw >= SMALLEST_SIDE;
}

bool winograd_bf16_suits_training(const conv_spec *s)
{
    enum { FEWEST_PIXELS = 256 };
    return winograd_bf16_suits(s) && (int64_t)s->n * s->oh * s->ow >= FEWEST_PIXELS;
}

size_t winograd_bf16_weights_bytes(const conv_spec *s)
{
    return (size_t)POINTS * (size_t)s->ic * (size_t)s->oc * sizeof(bf16);
}

size_t winograd_bf16_scratch_bytes(const conv_spec *s, int threads)
{
    const cut c = cut_of(s, threads);
    return (size_t)threads * thread_bytes(&c);
}

/* ---- a run ------------------------------------------------------------------------------------------------ */

static size_t block_values(const winograd_job *job)
{
    return (size_t)job->spec->oh * (size_t)job->spec->ow * LANES;
}

static void transform_source(bf16 *v, const winograd_job *job, const cut *c, const stretch *s)
{
    const size_t block = block_values(job), apart = (size_t)c->room * LANES;
    for (int done = 0; done < s->count;) {
        size_t image;
        const tile_range r = tile_range_of(&c->tiling, *s, done, &image);
        const bf16 *const from = (const bf16 *)job->source + image * job->source_image;
        bf16 *const to = v + (size_t)done * LANES;
        for (size_t b = 0; b < (size_t)c->blocks; b++) {
            job->steps->source(to + b * apart, (size_t)c->blocks * apart, from + b * block, &r);
        }
        done += r.count;
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

/* m: `tiles` of each point, of which the first s->count are there. */
static void finish_tiles(const float *m, const winograd_job *job, const cut *c, int group, int tiles,
                         const stretch *s)
{
    static const float NO_BIAS[LANES];
    const size_t of_tile = (size_t)c->vectors * LANES;
    for (int done = 0; done < s->count;) {
        size_t image;
        const tile_range r = tile_range_of(&c->tiling, *s, done, &image);
        bf16 *const to = (bf16 *)job->destination + image * job->destination_image;
        for (size_t k = 0; k < (size_t)c->vectors; k++) {
            const size_t block = (size_t)(group * c->vectors) + k;
            const float *const bias = job->bias == NULL ? NO_BIAS : job->bias + block * LANES;
            const tile_tail tail = {bias, job->spec->sum, job->spec->relu};
            job->steps->result(to + block * block_values(job), m + (size_t)done * of_tile + k * LANES,
                               (size_t)tiles * of_tile, of_tile, &r, &tail);
        }
        done += r.count;
    }
}

static void do_group(float *m, const bf16 *v, const winograd_job *job, const cut *c, int group, const stretch *chunk)
{
    const int pairs = divided_up(chunk->count, 2), times = divided_up(2 * pairs, BF16_MOST_TILES);
    for (int i = 0; i < times; i++) {
        const int first = 2 * part_start(pairs, i, times), end = 2 * part_start(pairs, i + 1, times);
        const stretch s = {chunk->first + first, at_most(end, chunk->count) - first};
        multiply_tiles(m, v + (size_t)first * LANES, job, c, group, end - first);
        finish_tiles(m, job, c, group, end - first, &s);
    }
}

static void do_item(unsigned char *scratch, const winograd_job *job, const cut *c, int item)
{
    bf16 *const v = (bf16 *)(void *)scratch;
    float *const m = (float *)(void *)(scratch + source_values(c) * sizeof(bf16));
    const int chunk = item / c->parts, part = item % c->parts;
    stretch s = {.first = 2 * part_start(c->pairs, chunk, c->chunks)};
    s.count = at_most(2 * part_start(c->pairs, chunk + 1, c->chunks), c->tiling.tiles) - s.first;
    transform_source(v, job, c, &s);
    const int end = part_start(c->groups, part + 1, c->parts);
    for (int g = part_start(c->groups, part, c->parts); g < end; g++) do_group(m, v, job, c, g, &s);
}

void winograd_bf16_run(const winograd_job *job)
{
    const cut c = cut_of(job->spec, job->threads);
#pragma omp parallel for num_threads(job->threads) schedule(dynamic, 1)
    for (int i = 0; i < c.chunks * c.parts; i++) {
        do_item((unsigned char *)job->scratch + (size_t)this_thread() * thread_bytes(&c), job, &c, i);
    }
}
