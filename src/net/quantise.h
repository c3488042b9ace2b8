/*
 * Networks in 8 bits. The weights of a convolution become whole numbers from -127 to 127 with one factor for each output
 * channel: weight = number * scale. Batch norms and biases stay f32 and apart: folding one into its convolution multiplies
 * each output channel by a factor, which leaves the whole numbers as they are.
 */
#ifndef POLYP_NET_QUANTISE_H
#define POLYP_NET_QUANTISE_H

#include "net/graph.h"

enum { QUANTISE_MOST = 127 }; /* -128 is not used: so that a number and its negative both exist */

/* Output channels of a convolution's weights, which have a scale each: (out, in, kh, kw), transposed (in, out, 2, 2). */
int quantise_channels(const param *p);

/*
 * Whole numbers for `count` weights of one output channel, and their scale. Clipped where that makes the sum of squared
 * differences least: several ranges are tried, and the scale is then the best one for the numbers found. All zero:
 * scale 1.
 */
void quantise_channel(signed char *out, float *scale, const float *weights, size_t count);

/*
 * `from` (f32) with the weights of all convolutions in 8 bits, but for those that write logits: these are few, and nothing
 * behind them evens an error out. What stays f32 is not copied: `from` must outlive `out`. params_free() it.
 */
status quantise_weights(params *out, const graph *g, const params *from, int threads);

/* Flat f32 weights from 8-bit ones. params_free() it. */
status quantise_undo(params *out, const params *from);

/*
 * Values between the convolutions in 8 bits: value = number * scale, numbers 0 to 255 where no value can be negative (after
 * ReLU), else -128 to 127.
 *
 * Which values of a network are kept in memory in 8 bits and have a scale of their own: [g->count]. Not those that a
 * convolution's batch norm, addition or ReLU takes at once; not the logits; not pooled and upsampled ones, which have
 * their source's; not a transposed convolution's for a concatenation, which has the concatenation's.
 */
void quantise_points(bool *out, const graph *g);

/* Which values can be negative: [g->count]. */
void quantise_signed(bool *out, const graph *g);

enum { QUANTISE_SIGNED_LEAST = -128, QUANTISE_SIGNED_MOST = 127, QUANTISE_UNSIGNED_MOST = 255 };

/* Give quantised weights scales for values: [g->count], copied; 0 for those without. */
status quantise_set_values(params *p, const graph *g, const float *scales);

/*
 * The scales of a file, NAME.scale for the op NAME (f32, one number above 0): of all quantise_points() or of none. `p` is
 * of weights_attach(). Errors: FORMAT (one is missing or no such number), MISMATCH (a .scale of nothing).
 */
status quantise_attach_values(params *p, const graph *g, const struct weights_file *file, const char *path);

#endif
