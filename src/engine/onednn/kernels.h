/*
 * Everything between the convolutions, over channel-blocked tensors: image n, block b of `lanes` channels, pixel p and
 * lane l lie at data[n * image + (b * pixels + p) * lanes + l]. An image's blocks are dense; the distance between
 * images is free, so that a tensor can be some channels of a wider one (a concatenation without copies).
 *
 * A tensor's values are f32 or bf16 (the upper half of an f32). Arithmetic is f32 in registers either way: bf16 is
 * widened as it is read and rounded to the nearest, ties to even, as it is written. Per-channel values are always f32.
 *
 * Work is cut into pieces that do not depend on the number of threads, and partial sums are added in a fixed order:
 * results are equal for any number of threads.
 */
#ifndef POLYP_ENGINE_ONEDNN_KERNELS_H
#define POLYP_ENGINE_ONEDNN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

enum element { ELEMENT_F32, ELEMENT_BF16 };

typedef struct field {
    void *data;   /* 64-byte aligned; NULL: no such tensor */
    size_t image; /* values from one image to the next */
} field;

/* Of all tensors of one pass. */
typedef struct extent {
    int n, blocks, lanes; /* lanes: 8 or 16; bf16: 16 */
    size_t pixels;
    int threads;
    enum element element;
} extent;

static inline size_t element_bytes(enum element e)
{
    return e == ELEMENT_BF16 ? 2 : 4;
}

/* The tensor from its value number `values` on. */
static inline void *field_from(field f, size_t values, enum element e)
{
    return f.data == NULL ? NULL : (unsigned char *)f.data + values * element_bytes(e);
}

enum { FIELD_SOURCES = 4 }; /* gradients that one value may be read into */

/* Doubles that the reductions below need: 2 sums for every channel and piece. */
size_t kernel_partials(const extent *e);

/* Per channel: mean and biased variance over images and pixels. */
void kernel_statistics(float *mean, float *variance, field y, const extent *e, double *partials);

/* out = relu(y * scale[c] + shift[c] + residual), and the same into `copy`. scale NULL: 1 and 0. */
typedef struct apply_job {
    field out, copy, y, residual;
    const float *scale, *shift;
    bool relu;
} apply_job;
void kernel_apply(const apply_job *job, const extent *e);

/*
 * The gradient before ReLU: dz = (sum of sources) where the output was positive, else 0. The output's sign is read from
 * `output`, or, where that is NULL, from y * scale + shift; relu false: no mask.
 */
typedef struct gradient_job {
    field sources[FIELD_SOURCES];
    int count;
    bool relu;
    field output;
    field y;
    const float *scale, *shift;
} gradient_job;

/* out = dz */
void kernel_gradient(field out, const gradient_job *job, const extent *e);

/* Per channel: sum of dz and sum of dz * (y - mean); writes dz to `out` too when that is not NULL. */
void kernel_norm_sums(float *sum, float *sum_centred, field out, const gradient_job *job, const float *mean,
                      const extent *e, double *partials);

/* out = dz * a[c] + y * b[c] + d[c], for job's dz */
void kernel_norm_gradient(field out, const gradient_job *job, const float *a, const float *b, const float *d,
                          const extent *e);

/* Windows of a max pool or a convolution; `at` is the place of the maximum in its window (first in scan order), one
 * byte a value. */
typedef struct pool_shape {
    int ih, iw, oh, ow, kernel, stride, padding;
} pool_shape;
void kernel_max_pool(field out, unsigned char *at, field in, const pool_shape *s, const extent *e);
void kernel_max_pool_gradient(field in, field out, const unsigned char *at, const pool_shape *s, const extent *e);

/*
 * One output channel of a 1x1 convolution, plain f32 (n, 1, pixels): out = sum over c of in[c] * weights[c] + bias. `e` is
 * of `in`; weights[blocks * lanes]. And its gradients from the output's: in[c] = gradient * weights[c]; of the weights
 * and the bias.
 */
void kernel_dot(float *out, field in, const float *weights, float bias, const extent *e);
void kernel_dot_gradient(field in, const float *gradient, const float *weights, const extent *e);
void kernel_dot_weights(float *weights, float *bias, field in, const float *gradient, const extent *e,
                        double *partials);

/*
 * Gradient of a convolution's weights, plain (oc, ic, kernel, kernel), for maps of a few pixels: `e` is of the source,
 * whose channels are `ic`; the gradient dy has `oc` (whole blocks of e->lanes).
 */
void kernel_conv_weights(float *weights, field source, field dy, int oc, const pool_shape *s, const extent *e);

/*
 * A transposed convolution 2x2 of stride 2 is a 1x1 convolution to 4 groups of channels (dy, dx) whose pixels are then
 * dealt out: out(2y + dy, 2x + dx) = groups[2 dy + dx](y, x) + bias. `e` is of the output's channels at the small size
 * h x w.
 */
void kernel_deal(field out, field copy, field groups, const float *bias, int h, int w, const extent *e);

/* And back: groups from the gradient; per channel the sum, for the bias. */
void kernel_gather(field groups, float *bias_gradient, field gradient, int h, int w, const extent *e, double *partials);

/* Nearest upsampling: every pixel of h x w becomes 2x2 equal ones, in `out` and in `copy` where that is not NULL; and its
 * gradient, the sum of the four. `e` is of the small size. */
void kernel_upsample(field out, field copy, field in, int h, int w, const extent *e);
void kernel_upsample_gradient(field in, field out, int h, int w, const extent *e);

/* nchw of f32 <-> blocked, with channel c at place map[c]; places without a channel get 0. `e` is of the blocked
 * tensor. */
void kernel_block(field out, const float *planar, const int *map, int channels, const extent *e);
void kernel_unblock(float *planar, field in, const int *map, int channels, const extent *e);

/* f32 to bf16, `count` values in the order they have. */
void kernel_narrow(void *out, const float *in, size_t count, int threads);

#endif
