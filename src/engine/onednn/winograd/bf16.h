/*
 * 3x3 convolutions of stride 1 in bf16, in inference, and in training forward and backward data, by Winograd's algorithm
 * F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.1): oneDNN has
 * it in f32 alone. A tile is 2x2 pixels of the result and the 4x4 of the source that they need. Source and weights are
 * transformed to 16 points each; at every point the result is a product of matrices, tiles x channels by channels x
 * channels; 16 multiplications stand where 36 were.
 *
 * Transforms are f32. What is multiplied is rounded to bf16 once more, after its transform; sums are f32. Larger tiles
 * (4x4 of the result) would save more and lose what bf16 has of accuracy.
 *
 * Activations are nChw16c. Results do not depend on the number of threads.
 */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_BF16_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_BF16_H

#include "engine/onednn/winograd/winograd.h"

/* The arithmetic of a piece of work; each step is told below. */
typedef struct winograd_bf16_steps winograd_bf16_steps;

/* By this processor's bf16 instructions; NULL: it has none, or AMX, which oneDNN's direct convolution uses. */
const winograd_bf16_steps *winograd_bf16_fast(void);

/* In plain C, on any processor: the same roundings, sums in another order. For tests. */
const winograd_bf16_steps *winograd_bf16_plain(void);

/*
 * Where it is faster than oneDNN's direct convolution, as measured on Zen 4: it takes half of the time with 128 channels
 * or more, 70 % with 32. A rule on shapes, never a timing: equal runs must give equal bits.
 */
bool winograd_bf16_suits(const conv_spec *s);

/* In training weights are transformed anew in each step, which 512 channels' are worth from some 200 pixels of a batch on,
 * as measured on Zen 4. */
bool winograd_bf16_suits_training(const conv_spec *s);

/* Bytes of the transformed weights, 16/9 of the plain ones in bf16; of the memory that a run works in. */
size_t winograd_bf16_weights_bytes(const conv_spec *s);
size_t winograd_bf16_scratch_bytes(const conv_spec *s, int threads);

/* Transforms weights: plain f32 (oc, ic, 3, 3), channels padded, times factor[oc] (NULL: 1). `to` has
 * winograd_bf16_weights_bytes(). */
void winograd_bf16_prepare(void *to, const float *plain, const float *factor, const conv_spec *s, int threads);

/* Do the two functions below know a convolution's blocks of weights: 16 x 16, [input channel][output channel]? */
bool winograd_bf16_reads(const weights_blocks *b, const conv_spec *s);

/* The same from f32 weights in blocks, without a plain copy; for backward data. */
void winograd_bf16_prepare_forward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, int threads);
void winograd_bf16_prepare_backward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *turned,
                                    int threads);

void winograd_bf16_run(const winograd_job *job);

#endif
