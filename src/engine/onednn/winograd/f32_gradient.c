/* Winograd's algorithm in f32: the gradient of the weights. */
#include <string.h>

#include "engine/onednn/winograd/f32_cut.h"

/*
 * The table of weights is cut into rectangles, input by output channels, each done by one thread over all tiles: its sums stay
 * in one place, and are added up in the order of tiles whatever the cut.
 */
typedef struct cut {
    tiling tiling;
    int inputs, outputs;         /* rectangles along each axis */
    int input_room, output_room; /* channels of the largest */
    int tiles;                   /* that are transformed at once */
} cut;

static cut cut_of(const conv_spec *s, int threads)
{
    enum { MOST = 128, TILES = 32 };
    const int blocks = s->ic / F32_LANES, groups = s->oc / F32_GROUP;
    cut c = {.tiling = tiling_of(s, F32_OUT), .inputs = divided_up(s->ic, MOST), .outputs = divided_up(s->oc, MOST)};
    while (c.inputs * c.outputs % threads != 0 && c.inputs < blocks / 2) c.inputs++;
    c.input_room = F32_LANES * divided_up(blocks, c.inputs);
    c.output_room = F32_GROUP * divided_up(groups, c.outputs);
    c.tiles = at_most(TILES, c.tiling.tiles);
    return c;
}

/* Of a thread: transformed source, transformed gradients, sums [point][input channel][output channel]. */
static size_t thread_floats(const cut *c)
{
    return points_f32_floats(c->tiles, c->input_room) + points_f32_floats(c->tiles, c->output_room) +
           points_f32_floats(c->input_room, c->output_room);
}

size_t winograd_f32_gradient_scratch_bytes(const conv_spec *s, int threads)
{
    const cut c = cut_of(s, threads);
    return (size_t)threads * thread_floats(&c) * sizeof(float);
}

/* Blocks of input channels and of output channels. */
typedef struct rectangle {
    int first_input, end_input, first_output, end_output;
} rectangle;

static rectangle rectangle_of(const conv_spec *s, const cut *c, int item)
{
    enum { OF_GROUP = F32_GROUP / F32_LANES };
    const int input = item / c->outputs, output = item % c->outputs;
    const int blocks = s->ic / F32_LANES, groups = s->oc / F32_GROUP;
    return (rectangle){part_start(blocks, input, c->inputs), part_start(blocks, input + 1, c->inputs),
                       OF_GROUP * part_start(groups, output, c->outputs),
                       OF_GROUP * part_start(groups, output + 1, c->outputs)};
}

static void transform_gradients(points_f32 to, const winograd_gradient_job *job, const cut *c, stretch s,
                                const rectangle *part)
{
    const size_t block = tiling_block(&c->tiling);
    for (int done = 0; done < s.count;) {
        size_t image;
        const tile_range r = tile_range_of(&c->tiling, s, done, &image);
        for (int b = part->first_output; b < part->end_output; b++) {
            points_f32 at = to;
            at.at += (size_t)done * to.tile + (size_t)(b - part->first_output) * F32_LANES;
            winograd_f32_result_gradient(at, job->result_gradient + image * job->result_image + (size_t)b * block, &r);
        }
        done += r.count;
    }
}

static void add_tiles(points_f32 m, points_f32 v, points_f32 d, const rectangle *part, int tiles)
{
    const int inputs = F32_LANES * (part->end_input - part->first_input);
    const int outputs = F32_LANES * (part->end_output - part->first_output);
    for (size_t p = 0; p < F32_POINTS; p++) {
        for (int o = 0; o < outputs; o += F32_GROUP) {
            const points_f32 source = {v.at + p * v.point, v.point, v.tile};
            const points_f32 gradient = {d.at + p * d.point + o, d.point, d.tile};
            winograd_f32_gather(m.at + p * m.point + o, m.tile, &source, &gradient, inputs, tiles);
        }
    }
}

static void write_gradients(const winograd_gradient_job *job, points_f32 m, const rectangle *part)
{
    const weights_blocks *const b = job->blocks;
    for (int i = part->first_input; i < part->end_input; i++) {
        for (int o = part->first_output; o < part->end_output; o++) {
            float *const to = job->weights_gradient + (size_t)o * b->oc_stride + (size_t)i * b->ic_stride;
            const float *const from = m.at + (size_t)(i - part->first_input) * F32_LANES * m.tile +
                                      (size_t)(o - part->first_output) * F32_LANES;
            for (size_t k = 0; k < F32_LANES; k++) {
                winograd_f32_tap_gradients(to + k * F32_LANES, b->y_stride, b->x_stride, from + k * m.tile, m.point);
            }
        }
    }
}

static void do_rectangle(float *scratch, const winograd_gradient_job *job, const cut *c, const rectangle *part)
{
    const points_f32 v = points_f32_at(scratch, c->tiles, c->input_room);
    const points_f32 d = points_f32_at(v.at + points_f32_floats(c->tiles, c->input_room), c->tiles, c->output_room);
    const points_f32 m = points_f32_at(d.at + points_f32_floats(c->tiles, c->output_room), c->input_room, c->output_room);
    memset(m.at, 0, points_f32_floats(c->input_room, c->output_room) * sizeof *m.at);
    for (int first = 0; first < c->tiling.tiles; first += c->tiles) {
        const stretch s = {first, at_most(c->tiles, c->tiling.tiles - first)};
        tiling_source(v, &c->tiling, s, job->source, job->source_image, part->first_input, part->end_input);
        transform_gradients(d, job, c, s, part);
        add_tiles(m, v, d, part, s.count);
    }
    write_gradients(job, m, part);
}

void winograd_f32_gradient(const winograd_gradient_job *job)
{
    const cut c = cut_of(job->spec, job->threads);
#pragma omp parallel for num_threads(job->threads) schedule(dynamic, 1)
    for (int i = 0; i < c.inputs * c.outputs; i++) {
        const rectangle part = rectangle_of(job->spec, &c, i);
        do_rectangle((float *)job->scratch + (size_t)this_thread() * thread_floats(&c), job, &c, &part);
    }
}
