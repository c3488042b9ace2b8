/* Winograd's algorithm in f32: where it is used, and how a forward pass is cut. */
#include "engine/onednn/winograd/f32.h"

#include "base/clones.h"
#include "engine/onednn/winograd/f32_cut.h"

/* ---- rules ------------------------------------------------------------------------------------------------- */

/* The loops' plain version, which is the only one of sanitizers' builds, is slower than oneDNN. */
bool winograd_f32_runs(void)
{
#if HAS_FAST_CLONES
    return dnn_lanes() == F32_LANES && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

bool winograd_f32_suits(const conv_spec *s)
{
    enum { FEWEST_CHANNELS = 32, SMALLEST_SIDE = 8 };
    return !s->bf16 && s->int8.scales == NULL && !s->planar && s->kernel == F32_TAPS && s->stride == 1 &&
           s->padding == 1 && s->ic % F32_LANES == 0 && s->oc % F32_GROUP == 0 && s->ic >= FEWEST_CHANNELS &&
           s->ih >= SMALLEST_SIDE && s->iw >= SMALLEST_SIDE;
}

bool winograd_f32_suits_training(const conv_spec *s)
{
    enum { FEWEST_PIXELS = 256 };
    return winograd_f32_suits(s) && (int64_t)s->n * s->oh * s->ow >= FEWEST_PIXELS;
}

bool winograd_f32_suits_gradient(const conv_spec *s)
{
    return winograd_f32_suits_training(s) && !s->bias;
}

size_t winograd_f32_weights_bytes(const conv_spec *s)
{
    return (size_t)F32_POINTS * (size_t)s->ic * (size_t)s->oc * sizeof(float);
}

/* ---- how work is cut --------------------------------------------------------------------------------------- */

/*
 * Tiles are cut into chunks, one after another done by one thread: all of a chunk is transformed, then multiplied point by
 * point, so that a point's part of the chunk stays in the core's cache while its weights pass by. Where a small image has fewer
 * chunks than there are threads, its output channels are cut as well.
 */
typedef struct cut {
    tiling tiling;
    int chunks, room; /* room: tiles of the largest chunk */
    int groups, parts;
    int widest; /* output channels of the largest part */
} cut;

/* The fewer, the more of a chunk stays in the core's cache; the more, the fewer times many weights pass by. A chunk has a quarter
 * of the weights' size. */
static int most_tiles(const conv_spec *s)
{
    enum { PART = 4, LEAST = 12, MOST = 96 };
    const int64_t quarter = (int64_t)s->ic * s->oc / (PART * (s->ic + s->oc));
    return at_least(LEAST, (int)(quarter < MOST ? quarter : MOST) / F32_TILES * F32_TILES);
}

static cut cut_of(const conv_spec *s, int threads)
{
    cut c = {.tiling = tiling_of(s, F32_OUT), .groups = s->oc / F32_GROUP};
    const int sixes = divided_up(c.tiling.tiles, F32_TILES), of_chunk = most_tiles(s) / F32_TILES;
    const int fair = divided_up(divided_up(sixes, of_chunk), threads) * threads;
    c.chunks = at_most(fair, sixes);
    c.room = F32_TILES * divided_up(sixes, c.chunks);
    c.parts = at_most(c.groups, divided_up(threads, c.chunks));
    c.widest = divided_up(c.groups, c.parts) * F32_GROUP;
    return c;
}

static size_t thread_floats(const conv_spec *s, const cut *c)
{
    return points_f32_floats(c->room, s->ic) + points_f32_floats(c->room, c->widest);
}

size_t winograd_f32_scratch_bytes(const conv_spec *s, int threads)
{
    const cut c = cut_of(s, threads);
    return (size_t)threads * thread_floats(s, &c) * sizeof(float);
}

/* ---- a run ------------------------------------------------------------------------------------------------- */

/* Output channels `first` to `end`, in groups, of one chunk's transformed source. */
static void multiply_points(points_f32 m, points_f32 v, const winograd_job *job, int tiles, int first, int end)
{
    const conv_spec *const s = job->spec;
    const size_t of_group = (size_t)s->ic * F32_GROUP, groups = (size_t)(s->oc / F32_GROUP);
    for (size_t p = 0; p < F32_POINTS; p++) {
        for (int g = first; g < end; g++) {
            const float *const u = (const float *)job->weights + (p * groups + (size_t)g) * of_group;
            winograd_f32_multiply(m.at + p * m.point + (size_t)(g - first) * F32_GROUP, m.tile, v.at + p * v.point, v.tile, u,
                                  s->ic, tiles);
        }
    }
}

static void finish_tiles(points_f32 m, const winograd_job *job, const tiling *t, stretch s, int first, int end)
{
    static const float NO_BIAS[F32_LANES];
    const size_t block = tiling_block(t);
    for (int done = 0; done < s.count;) {
        size_t image;
        const tile_range r = tile_range_of(t, s, done, &image);
        float *const to = (float *)job->destination + image * job->destination_image;
        for (int b = first * F32_GROUP / F32_LANES; b < end * F32_GROUP / F32_LANES; b++) {
            const float *const bias = job->bias == NULL ? NO_BIAS : job->bias + (size_t)b * F32_LANES;
            const tile_tail tail = {bias, job->spec->sum, job->spec->relu};
            points_f32 from = m;
            from.at += (size_t)done * m.tile + (size_t)b * F32_LANES - (size_t)(first * F32_GROUP);
            winograd_f32_result(to + (size_t)b * block, from, &r, &tail);
        }
        done += r.count;
    }
}

static void do_item(float *scratch, const winograd_job *job, const cut *c, int item)
{
    const int chunk = item / c->parts, part = item % c->parts;
    const int sixes = divided_up(c->tiling.tiles, F32_TILES);
    stretch s = {.first = F32_TILES * part_start(sixes, chunk, c->chunks)};
    s.count = at_most(F32_TILES * part_start(sixes, chunk + 1, c->chunks), c->tiling.tiles) - s.first;
    const points_f32 v = points_f32_at(scratch, c->room, job->spec->ic);
    const points_f32 m = points_f32_at(scratch + points_f32_floats(c->room, job->spec->ic), c->room, c->widest);
    tiling_source(v, &c->tiling, s, job->source, job->source_image, 0, job->spec->ic / F32_LANES);
    const int first = part_start(c->groups, part, c->parts), end = part_start(c->groups, part + 1, c->parts);
    multiply_points(m, v, job, s.count, first, end);
    finish_tiles(m, job, &c->tiling, s, first, end);
}

void winograd_f32_run(const winograd_job *job)
{
    const cut c = cut_of(job->spec, job->threads);
    const size_t of_thread = thread_floats(job->spec, &c);
#pragma omp parallel for num_threads(job->threads) schedule(dynamic, 1)
    for (int i = 0; i < c.chunks * c.parts; i++) {
        do_item((float *)job->scratch + (size_t)this_thread() * of_thread, job, &c, i);
    }
}
