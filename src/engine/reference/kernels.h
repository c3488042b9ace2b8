/*
 * The arithmetic of each op: plain loops over (n, c, h, w), sums in double, no library. Work is shared out by
 * outputs, so the number of threads never changes a result.
 *
 * Everything named backward adds to its gradients: a value that is read twice gets the sum. A gradient of NULL is not
 * wanted.
 */
#ifndef POLYP_ENGINE_REFERENCE_KERNELS_H
#define POLYP_ENGINE_REFERENCE_KERNELS_H

#include "net/tensor.h"

/* A convolution: weight (out.c, in.c, kernel, kernel). */
typedef struct conv_size {
    shape in, out;
    int kernel, stride, padding;
} conv_size;

/* bias NULL: none */
void conv_forward(float *out, const float *in, const float *weight, const float *bias, const conv_size *s, int threads);
void conv_backward_data(float *in_gradient, const float *out_gradient, const float *weight, const conv_size *s,
                        int threads);
void conv_backward_weight(float *weight_gradient, const float *in, const float *out_gradient, const conv_size *s,
                          int threads);
void bias_backward(float *bias_gradient, const float *out_gradient, shape out, int threads);

/* Transposed convolution 2x2, stride 2: `in` half as wide and high as `out`; weight (in.c, out.c, 2, 2). */
void upconv_forward(float *out, const float *in, const float *weight, const float *bias, shape in_shape,
                    shape out_shape, int threads);
void upconv_backward_data(float *in_gradient, const float *out_gradient, const float *weight, shape in_shape,
                          shape out_shape, int threads);
void upconv_backward_weight(float *weight_gradient, const float *in, const float *out_gradient, shape in_shape,
                            shape out_shape, int threads);

/* Batch norm's arrays, each (c). */
typedef struct norm_params {
    const float *gamma, *beta;
    float *running_mean, *running_var;
} norm_params;

/* With the running statistics; with the batch's, which then move the running ones by `momentum` of the way. */
void norm_infer(float *out, const float *in, const norm_params *n, shape s, int threads);
void norm_train(float *out, const float *in, const norm_params *n, double momentum, shape s, int threads);
void norm_backward(float *in_gradient, float *gamma_gradient, float *beta_gradient, const float *in,
                   const float *out_gradient, const float *gamma, shape s, int threads);

void relu_forward(float *out, const float *in, size_t count, int threads);
void relu_backward(float *in_gradient, const float *out, const float *out_gradient, size_t count, int threads);

void add_forward(float *out, const float *a, const float *b, size_t count, int threads);
void add_backward(float *in_gradient, const float *out_gradient, size_t count, int threads); /* once for each input */

/* NaN wins over numbers, the first of equals over later ones. conv_size without weights; in.c == out.c. */
void pool_forward(float *out, const float *in, const conv_size *s, int threads);
void pool_backward(float *in_gradient, const float *in, const float *out_gradient, const conv_size *s, int threads);

/* Every pixel becomes 2x2 equal ones: `out` is twice as wide and high as `in` (n, c, h, w). */
void upsample_forward(float *out, const float *in, shape in_shape, int threads);
void upsample_backward(float *in_gradient, const float *out_gradient, shape in_shape, int threads);

/* Channels of `a`, then of `b`; backward: `channels` of the out_gradient from `first` on are one input's. */
void concat_forward(float *out, const float *a, const float *b, shape a_shape, shape b_shape);
void concat_backward(float *in_gradient, const float *out_gradient, int first, int channels, shape out, int threads);

#endif
