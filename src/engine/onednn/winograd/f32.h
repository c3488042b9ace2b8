/*
 * 3x3 convolutions of stride 1 in f32 by Winograd's algorithm F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional
 * Neural Networks", CVPR 2016, sections 4.1 and 4.2), in all three directions, for processors with AVX2: oneDNN has it for
 * AVX-512 alone. A tile is 4x4 pixels of the result and the 6x6 of the source that they need. Source and weights are
 * transformed to 36 points each; at every point the result is a product of matrices, tiles x channels by channels x
 * channels; 36 multiplications stand where 144 were.
 *
 * The gradient of the weights is the same sum of products read the other way: y = A'[(G g G') . (B' d B)]A gives
 * dg = G'[(A dy A') . (B' d B)]G, added up over tiles before G is applied.
 *
 * Activations are nChw8c. Results do not depend on the number of threads.
 */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_F32_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_F32_H

#include "engine/onednn/winograd/winograd.h"

/* Has the processor AVX2, and no AVX-512 that oneDNN uses? The functions below run anywhere. */
bool winograd_f32_runs(void);

/* Where it is faster than oneDNN's direct convolution, as measured on Zen 3. A rule on shapes, never a timing: equal runs must
 * give equal bits. */
bool winograd_f32_suits(const conv_spec *s);

/* In training weights are transformed anew in each step, which only enough pixels of a batch are worth. */
bool winograd_f32_suits_training(const conv_spec *s);
bool winograd_f32_suits_gradient(const conv_spec *s);

/* Bytes of the transformed weights, four times the plain ones; of the memory that a run works in. */
size_t winograd_f32_weights_bytes(const conv_spec *s);
size_t winograd_f32_scratch_bytes(const conv_spec *s, int threads);
size_t winograd_f32_gradient_scratch_bytes(const conv_spec *s, int threads);

/* As winograd_bf16_prepare() and its like; blocks are 8 x 8. */
void winograd_f32_prepare(void *to, const float *plain, const float *factor, const conv_spec *s, int threads);
bool winograd_f32_reads(const weights_blocks *b, const conv_spec *s);
void winograd_f32_prepare_forward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, int threads);
void winograd_f32_prepare_backward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *turned,
                                   int threads);

/* `steps` of the job is not read. */
void winograd_f32_run(const winograd_job *job);

/* `blocks` of the job are 8 x 8. */
void winograd_f32_gradient(const winograd_gradient_job *job);

#endif
