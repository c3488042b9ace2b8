/* The passes between the convolutions: cutting into pieces, threads, and sums in a fixed order. */
#include "engine/onednn/kernels.h"

#include <string.h>

#include "base/clones.h"
#include "base/parts.h"

/* Vectors only pass between functions that are inlined into each other, so their calling convention does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

/* Pixels of one piece: 64 or 128 KiB of values, so that a piece stays in the second cache between its passes. */
enum { PIECE = 2048 };

/* One piece of the work: some pixels of one block of one image. */
typedef struct part {
    int n, block;
    size_t piece, first, pixels;
} part;

/* Eight lanes at a time where lanes are compared and chosen from: gcc 12 takes comparisons of sixteen apart. */
typedef float four __attribute__((vector_size(16)));
typedef float eight __attribute__((vector_size(32)));
typedef int eight_mask __attribute__((vector_size(32)));
typedef unsigned eight_bits __attribute__((vector_size(32)));
typedef unsigned short eight_halves __attribute__((vector_size(16)));
typedef unsigned char eight_bytes __attribute__((vector_size(8)));

static inline int at_least_0(int n)
{
    return n > 0 ? n : 0;
}

/* Pool windows that cover one pixel of the source. */
typedef struct windows {
    int first_y, end_y, first_x, end_x;
} windows;

static inline void windows_over(int *first, int *end, int pixel, const pool_shape *s, int count)
{
    *first = at_least_0(pixel + s->padding - s->kernel + s->stride) / s->stride;
    *end = at_most((pixel + s->padding) / s->stride + 1, count);
}

#define LANES 8
#include "engine/onednn/kernels_body.h"
#undef LANES
#define LANES 16
#include "engine/onednn/kernels_body.h"
#define NARROW
#include "engine/onednn/kernels_body.h"
#undef NARROW
#undef LANES

/* Call the version of a loop for the tensors' lanes and values. */
#define FOR_LANES(e, call, ...)                   \
    do {                                          \
        if ((e)->element == ELEMENT_BF16) {       \
            call##16_narrow(__VA_ARGS__);         \
        } else if ((e)->lanes == 16) {            \
            call##16(__VA_ARGS__);                \
        } else {                                  \
            call##8(__VA_ARGS__);                 \
        }                                         \
    } while (0)

static size_t pieces_of(const extent *e)
{
    return (e->pixels + PIECE - 1) / PIECE;
}

static size_t part_count(const extent *e)
{
    return (size_t)e->n * (size_t)e->blocks * pieces_of(e);
}

/* Parts are ordered image, block, piece: the order of memory. */
static part part_of(const extent *e, size_t index)
{
    const size_t pieces = pieces_of(e);
    part t = {.piece = index % pieces};
    t.block = (int)(index / pieces % (size_t)e->blocks);
    t.n = (int)(index / pieces / (size_t)e->blocks);
    t.first = t.piece * PIECE;
    t.pixels = t.first + PIECE < e->pixels ? PIECE : e->pixels - t.first;
    return t;
}

static void *at_part(field f, const extent *e, const part *t)
{
    const size_t in_image = ((size_t)t->block * e->pixels + t->first) * (size_t)e->lanes;
    return field_from(f, (size_t)t->n * f.image + in_image, e->element);
}

/* ---- sums over channels -------------------------------------------------------------------------------- */

/* partials: [part][2][lanes] */
size_t kernel_partials(const extent *e)
{
    return part_count(e) * 2 * (size_t)e->lanes;
}

/* Both sums of channel `c`, added in the order of images and pieces. */
static void total(double out[2], const double *partials, const extent *e, int c)
{
    const size_t pieces = pieces_of(e), lanes = (size_t)e->lanes;
    const size_t block = (size_t)c / lanes, lane = (size_t)c % lanes;
    out[0] = 0;
    out[1] = 0;
    for (size_t n = 0; n < (size_t)e->n; n++) {
        const double *p = partials + (n * (size_t)e->blocks + block) * pieces * 2 * lanes + lane;
        for (size_t i = 0; i < pieces; i++, p += 2 * lanes) {
            out[0] += p[0];
            out[1] += p[lanes];
        }
    }
}

void kernel_statistics(float *mean, float *variance, field y, const extent *e, double *partials)
{
    const size_t parts = part_count(e), lanes = (size_t)e->lanes;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const part t = part_of(e, i);
        double *const sums = partials + i * 2 * lanes;
        /* the first pixel of the first image as pivot: no cancellation where the mean is large */
        const void *const pivot = field_from(y, (size_t)t.block * e->pixels * lanes, e->element);
        FOR_LANES(e, sums_piece, sums, sums + lanes, at_part(y, e, &t), pivot, t.pixels);
    }
    const double count = (double)e->n * (double)e->pixels;
    for (int c = 0; c < e->blocks * e->lanes; c++) {
        double sums[2];
        total(sums, partials, e, c);
        const size_t first = (size_t)(c / e->lanes) * e->pixels * lanes + (size_t)(c % e->lanes);
        float pivot_value;
        FOR_LANES(e, unblock_lane, &pivot_value, field_from(y, first, e->element), 1);
        const double pivot = (double)pivot_value;
        const double shift = sums[0] / count;
        const double spread = sums[1] / count - shift * shift;
        mean[c] = (float)(pivot + shift);
        /* NaN must stay NaN */
        variance[c] = spread < 0 ? 0.0F : (float)spread;
    }
}

/* ---- forward ------------------------------------------------------------------------------------------- */

static const float ONES[16] __attribute__((aligned(64))) = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const float ZEROS[16] __attribute__((aligned(64))) = {0};

void kernel_apply(const apply_job *job, const extent *e)
{
    const size_t parts = part_count(e);
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const part t = part_of(e, i);
        const size_t c = (size_t)t.block * (size_t)e->lanes;
        FOR_LANES(e, apply_piece, at_part(job->out, e, &t), at_part(job->copy, e, &t), at_part(job->y, e, &t),
                  at_part(job->residual, e, &t), job->scale == NULL ? ONES : job->scale + c,
                  job->shift == NULL ? ZEROS : job->shift + c, job->relu, t.pixels);
    }
}

/* ---- backward ------------------------------------------------------------------------------------------ */

void kernel_gradient(field out, const gradient_job *job, const extent *e)
{
    const size_t parts = part_count(e);
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const part t = part_of(e, i);
        FOR_LANES(e, gradient_part, at_part(out, e, &t), job, e, &t);
    }
}

void kernel_norm_sums(float *sum, float *sum_centred, field out, const gradient_job *job, const float *mean,
                      const extent *e, double *partials)
{
    const size_t parts = part_count(e), lanes = (size_t)e->lanes;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const part t = part_of(e, i);
        double *const sums = partials + i * 2 * lanes;
        FOR_LANES(e, norm_sums_part, sums, sums + lanes, at_part(out, e, &t), job, mean, e, &t);
    }
    for (int c = 0; c < e->blocks * e->lanes; c++) {
        double sums[2];
        total(sums, partials, e, c);
        sum[c] = (float)sums[0];
        sum_centred[c] = (float)sums[1];
    }
}

void kernel_norm_gradient(field out, const gradient_job *job, const float *a, const float *b, const float *d,
                          const extent *e)
{
    const size_t parts = part_count(e);
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const part t = part_of(e, i);
        FOR_LANES(e, norm_gradient_part, at_part(out, e, &t), job, a, b, d, e, &t);
    }
}

/* ---- max pool ------------------------------------------------------------------------------------------ */

/* Rows of all planes are dealt to the threads: (n, block, row) of `index`. */
typedef struct row_of_plane {
    int n, block, row;
} row_of_plane;

static row_of_plane row_at(const extent *e, int rows, size_t index)
{
    const size_t plane = index / (size_t)rows;
    return (row_of_plane){(int)(plane / (size_t)e->blocks), (int)(plane % (size_t)e->blocks),
                          (int)(index % (size_t)rows)};
}

/* The plane of `pixels` pixels of `r`, from its value number `from` on. */
static void *plane_from(field f, const extent *e, const row_of_plane *r, size_t pixels, size_t from)
{
    const size_t in_image = (size_t)r->block * pixels * (size_t)e->lanes + from;
    return field_from(f, (size_t)r->n * f.image + in_image, e->element);
}

void kernel_max_pool(field out, unsigned char *at, field in, const pool_shape *s, const extent *e)
{
    const size_t small = (size_t)s->oh * (size_t)s->ow, large = (size_t)s->ih * (size_t)s->iw, lanes = (size_t)e->lanes;
    const size_t rows = (size_t)e->n * (size_t)e->blocks * (size_t)s->oh;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < rows; i++) {
        const row_of_plane r = row_at(e, s->oh, i);
        const size_t before = (size_t)r.row * (size_t)s->ow * lanes;
        const size_t plane = (size_t)r.n * (size_t)e->blocks + (size_t)r.block;
        unsigned char *const place = at == NULL ? NULL : at + plane * small * lanes + before;
        FOR_LANES(e, pool_row, plane_from(out, e, &r, small, before), place, plane_from(in, e, &r, large, 0), s, r.row);
    }
}

void kernel_max_pool_gradient(field in, field out, const unsigned char *at, const pool_shape *s, const extent *e)
{
    const size_t small = (size_t)s->oh * (size_t)s->ow, large = (size_t)s->ih * (size_t)s->iw, lanes = (size_t)e->lanes;
    const size_t rows = (size_t)e->n * (size_t)e->blocks * (size_t)s->ih;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < rows; i++) {
        const row_of_plane r = row_at(e, s->ih, i);
        const size_t plane = (size_t)r.n * (size_t)e->blocks + (size_t)r.block;
        FOR_LANES(e, pool_gradient_row, plane_from(in, e, &r, large, (size_t)r.row * (size_t)s->iw * lanes),
                  plane_from(out, e, &r, small, 0), at + plane * small * lanes, s, r.row);
    }
}

/* ---- weights of small convolutions --------------------------------------------------------------------- */

/* All weights between one output channel and one block of the source's. */
static void conv_weights_block(float *weights, field source, field dy, int oc, int block, const pool_shape *s,
                               const extent *e)
{
    const size_t lanes = (size_t)e->lanes, out_pixels = (size_t)s->oh * (size_t)s->ow;
    const size_t taps = (size_t)s->kernel * (size_t)s->kernel, ic = (size_t)e->blocks * lanes;
    const size_t in_dy = (size_t)oc / lanes * out_pixels * lanes + (size_t)oc % lanes;
    for (int tap = 0; tap < s->kernel * s->kernel; tap++) {
        float sum[16] __attribute__((aligned(64))) = {0};
        for (int n = 0; n < e->n; n++) {
            const size_t in_source = (size_t)n * source.image + (size_t)block * e->pixels * lanes;
            FOR_LANES(e, conv_weights_tap, sum, field_from(source, in_source, e->element),
                      field_from(dy, (size_t)n * dy.image + in_dy, e->element), s, tap / s->kernel, tap % s->kernel);
        }
        for (size_t l = 0; l < lanes; l++) {
            weights[((size_t)oc * ic + (size_t)block * lanes + l) * taps + (size_t)tap] = sum[l];
        }
    }
}

void kernel_conv_weights(float *weights, field source, field dy, int oc, const pool_shape *s, const extent *e)
{
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (int o = 0; o < oc; o++) {
        for (int block = 0; block < e->blocks; block++) conv_weights_block(weights, source, dy, o, block, s, e);
    }
}

/* ---- one output channel -------------------------------------------------------------------------------- */

void kernel_dot(float *out, field in, const float *weights, float bias, const extent *e)
{
    const size_t pieces = pieces_of(e), parts = (size_t)e->n * pieces, apart = e->pixels * (size_t)e->lanes;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const size_t n = i / pieces, first = i % pieces * PIECE, left = e->pixels - first;
        FOR_LANES(e, dot_piece, out + n * e->pixels + first,
                  field_from(in, n * in.image + first * (size_t)e->lanes, e->element), apart, e->blocks, weights, bias,
                  left < PIECE ? left : PIECE);
    }
}

void kernel_dot_gradient(field in, const float *gradient, const float *weights, const extent *e)
{
    const size_t parts = part_count(e);
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const part t = part_of(e, i);
        FOR_LANES(e, dot_gradient_piece, at_part(in, e, &t), gradient + (size_t)t.n * e->pixels + t.first,
                  weights + (size_t)t.block * (size_t)e->lanes, t.pixels);
    }
}

void kernel_dot_weights(float *weights, float *bias, field in, const float *gradient, const extent *e,
                        double *partials)
{
    const size_t parts = part_count(e), lanes = (size_t)e->lanes;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        const part t = part_of(e, i);
        double *const sums = partials + i * 2 * lanes;
        FOR_LANES(e, dot_weights_piece, sums, sums + lanes, at_part(in, e, &t),
                  gradient + (size_t)t.n * e->pixels + t.first, t.pixels);
    }
    for (int c = 0; c < e->blocks * e->lanes; c++) {
        double sums[2];
        total(sums, partials, e, c);
        weights[c] = (float)sums[0];
        if (c == 0 && bias != NULL) *bias = (float)sums[1];
    }
}

/* ---- transposed convolution ---------------------------------------------------------------------------- */

void kernel_deal(field out, field copy, field groups, const float *bias, int h, int w, const extent *e)
{
    const size_t small = (size_t)h * (size_t)w, lanes = (size_t)e->lanes;
    const size_t apart = (size_t)e->blocks * small * lanes; /* from one group to the next */
    const size_t rows = (size_t)e->n * (size_t)e->blocks * (size_t)h, row = (size_t)w * lanes;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < rows; i++) {
        const row_of_plane r = row_at(e, h, i);
        const void *const from = plane_from(groups, e, &r, small, (size_t)r.row * row);
        void *const to = plane_from(out, e, &r, 4 * small, (size_t)r.row * 4 * row);
        void *const again = plane_from(copy, e, &r, 4 * small, (size_t)r.row * 4 * row);
        FOR_LANES(e, deal_row, to, from, apart, bias + (size_t)r.block * lanes, w);
        if (again != NULL) memcpy(again, to, 4 * row * element_bytes(e->element));
    }
}

void kernel_gather(field groups, float *bias_gradient, field gradient, int h, int w, const extent *e, double *partials)
{
    const size_t small = (size_t)h * (size_t)w, lanes = (size_t)e->lanes, row = (size_t)w * lanes;
    const size_t apart = (size_t)e->blocks * small * lanes;
    const size_t planes = (size_t)e->n * (size_t)e->blocks;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < planes; i++) {
        double *const sum = partials + i * lanes;
        memset(sum, 0, lanes * sizeof *sum);
        for (int y = 0; y < h; y++) {
            const row_of_plane r = row_at(e, 1, i);
            FOR_LANES(e, gather_row, plane_from(groups, e, &r, small, (size_t)y * row), apart, sum,
                      plane_from(gradient, e, &r, 4 * small, (size_t)y * 4 * row), w);
        }
    }
    for (size_t c = 0; c < (size_t)e->blocks * lanes; c++) {
        double sum = 0;
        for (size_t n = 0; n < (size_t)e->n; n++) sum += partials[n * (size_t)e->blocks * lanes + c];
        bias_gradient[c] = (float)sum;
    }
}

/* ---- nearest upsampling -------------------------------------------------------------------------------- */

void kernel_upsample(field out, field copy, field in, int h, int w, const extent *e)
{
    const size_t small = (size_t)h * (size_t)w, row = (size_t)w * (size_t)e->lanes;
    const size_t rows = (size_t)e->n * (size_t)e->blocks * (size_t)h;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < rows; i++) {
        const row_of_plane r = row_at(e, h, i);
        void *const to = plane_from(out, e, &r, 4 * small, (size_t)r.row * 4 * row);
        void *const again = plane_from(copy, e, &r, 4 * small, (size_t)r.row * 4 * row);
        FOR_LANES(e, repeat_row, to, plane_from(in, e, &r, small, (size_t)r.row * row), w);
        if (again != NULL) memcpy(again, to, 4 * row * element_bytes(e->element));
    }
}

void kernel_upsample_gradient(field in, field out, int h, int w, const extent *e)
{
    const size_t small = (size_t)h * (size_t)w, row = (size_t)w * (size_t)e->lanes;
    const size_t rows = (size_t)e->n * (size_t)e->blocks * (size_t)h;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (size_t i = 0; i < rows; i++) {
        const row_of_plane r = row_at(e, h, i);
        FOR_LANES(e, sum_fours_row, plane_from(in, e, &r, small, (size_t)r.row * row),
                  plane_from(out, e, &r, 4 * small, (size_t)r.row * 4 * row), w);
    }
}

/* ---- plain order --------------------------------------------------------------------------------------- */

/* Canonical channel at place `to`, or -1. */
static int channel_at(const int *map, int channels, int to)
{
    for (int c = 0; c < channels; c++) {
        if (map[c] == to) return c;
    }
    return -1;
}

/* Pixels whose lanes are written one lane after the other: their block stays in the first cache. */
enum { BLOCKED_AT_ONCE = 256 };

/* Some pixels of one block, from their first on; `planar` at the same pixel of the image's channel 0. */
static void block_pixels(void *out, const float *planar, const int *map, int channels, int block, size_t pixels,
                         const extent *e)
{
    const field to = {out, 0};
    memset(out, 0, pixels * (size_t)e->lanes * element_bytes(e->element)); /* lanes without a channel: most, of a picture */
    for (int l = 0; l < e->lanes; l++) {
        const int c = channel_at(map, channels, block * e->lanes + l);
        if (c < 0) continue;
        FOR_LANES(e, block_lane, field_from(to, (size_t)l, e->element), planar + (size_t)c * e->pixels, pixels);
    }
}

void kernel_block(field out, const float *planar, const int *map, int channels, const extent *e)
{
    const size_t image = (size_t)channels * e->pixels, lanes = (size_t)e->lanes;
    const int planes = e->n * e->blocks;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (int i = 0; i < planes; i++) {
        const int n = i / e->blocks, block = i % e->blocks;
        for (size_t p = 0; p < e->pixels; p += BLOCKED_AT_ONCE) {
            const size_t left = e->pixels - p, in_image = ((size_t)block * e->pixels + p) * lanes;
            block_pixels(field_from(out, (size_t)n * out.image + in_image, e->element), planar + (size_t)n * image + p,
                         map, channels, block, left < BLOCKED_AT_ONCE ? left : BLOCKED_AT_ONCE, e);
        }
    }
}

void kernel_unblock(float *planar, field in, const int *map, int channels, const extent *e)
{
    const size_t lanes = (size_t)e->lanes;
    const int planes = e->n * channels;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (int i = 0; i < planes; i++) {
        const int n = i / channels;
        const size_t place = (size_t)map[i % channels];
        const size_t from = (size_t)n * in.image + place / lanes * e->pixels * lanes + place % lanes;
        FOR_LANES(e, unblock_lane, planar + (size_t)i * e->pixels, field_from(in, from, e->element), e->pixels);
    }
}

FAST_CLONES static void narrow_piece(unsigned short *restrict out, const float *restrict in, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = narrow16_narrow(in[i]);
}

void kernel_narrow(void *out, const float *in, size_t count, int threads)
{
    unsigned short *const to = out;
    const size_t pieces = (count + PIECE - 1) / PIECE;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < pieces; i++) {
        const size_t first = i * PIECE, left = count - first;
        narrow_piece(to + first, in + first, left < PIECE ? left : PIECE);
    }
}
