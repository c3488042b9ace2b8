/*
 * oneDNN's convolutions behind a few functions: the only file that knows its headers, and the only one where 2.6
 * and 3.x differ. Activations are channel-blocked (nChw8c or nChw16c) with channel counts padded to whole blocks by the
 * caller; a first layer may read plain nchw. Weights have the layout that the kernel wants; reorders translate.
 */
#ifndef POLYP_ENGINE_ONEDNN_DNN_H
#define POLYP_ENGINE_ONEDNN_DNN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct dnn dnn;                 /* engine and stream of one plan */
typedef struct dnn_conv dnn_conv;       /* one convolution primitive with its memory handles */
typedef struct dnn_reorder dnn_reorder; /* weights from one layout to another */

status dnn_open(dnn **out);
void dnn_close(dnn *d);

/* Channels of a block on this CPU: 16 with AVX-512, else 8. */
int dnn_lanes(void);

/* Does this CPU multiply bf16 by itself? (oneDNN would imitate it, slower than f32.) */
bool dnn_has_bf16(void);

/* Does oneDNN multiply in whole tiles of registers (AMX)? */
bool dnn_has_amx(void);

/* Does it multiply and add bytes exactly (AVX512_VNNI)? Without, sums of two products are cut at 16 bits. */
bool dnn_has_int8(void);

/*
 * Inference in whole numbers: result = sum of products * scales[oc] + bias + addend * addend_scale, then ReLU, then rounding
 * to the nearest byte of the result's kind. Activations are nhwc.
 */
typedef struct conv_int8 {
    const float *scales; /* [oc], read when the primitive is made; NULL: not in whole numbers */
    bool signed_source, signed_result, signed_addend;
    float addend_scale;
    bool quick; /* take a kernel that is made in less time, which gives the same bits */
} conv_int8;

/* The bias of a channel as dnn_conv_run() wants it: oneDNN 2.6 adds it before it scales the sum. scale: not 0. */
float dnn_int8_bias(double bias, float scale);

/* oneDNN splits work by this; it must be the same when a primitive is made and when it runs. */
void dnn_use_threads(int threads);

typedef struct conv_spec {
    int n, ic, ih, iw, oc, oh, ow, kernel, stride, padding;
    bool planar; /* the source is nchw with `ic` channels as they are */
    bool bias;
    bool sum;  /* inference: adds what the destination holds */
    bool relu; /* inference */
    bool winograd; /* by Winograd's algorithm where oneDNN has it for this direction within some memory, else direct */
    /* Source, destination, their gradients and the weights that are read; sums, bias and weights' gradients stay f32. */
    bool bf16;
    bool f32_result; /* bf16 all the same but for what a forward pass writes */
    conv_int8 int8;
} conv_spec;

enum conv_direction { CONV_INFER, CONV_FORWARD, CONV_BACKWARD_DATA, CONV_BACKWARD_WEIGHTS };

status dnn_conv_open(dnn_conv **out, dnn *d, const conv_spec *spec, enum conv_direction direction);
void dnn_conv_close(dnn_conv *c);

size_t dnn_conv_weights_bytes(const dnn_conv *c); /* of the weights in this primitive's layout */
size_t dnn_conv_scratch_size(const dnn_conv *c);  /* bytes */
const char *dnn_conv_name(const dnn_conv *c);    /* the implementation's, "jit:avx2" */
bool dnn_conv_same_layout(const dnn_conv *a, const dnn_conv *b);

/*
 * Weights in blocks: value (o, i, y, x) lies at o / oc_block * oc_stride + i / ic_block * ic_stride + y * y_stride +
 * x * x_stride and, within the block, in [ic_block / ic_inner][oc_block][ic_inner]. In values; oc and ic are whole blocks.
 */
typedef struct weights_blocks {
    int oc, ic, oc_block, ic_block, ic_inner;
    size_t oc_stride, ic_stride, y_stride, x_stride;
} weights_blocks;

/* False: the layout is another (plain, Winograd's, with sums beside the weights), which only a reorder can make. */
bool dnn_conv_blocks(weights_blocks *out, const dnn_conv *c);

/* oneDNN has nothing fast for this shape and would use its own plain loops, over plain weights: (oc, ic, kh, kw). */
bool dnn_conv_is_slow(const dnn_conv *c);

/* Forward: source, weights, bias -> destination. Backward data: destination, weights -> source. Backward weights:
 * source, destination -> weights, bias. `bias` NULL without one. Only the computed ones are written. */
status dnn_conv_run(dnn_conv *c, void *source, void *weights, float *bias, void *destination, void *scratch);

/* From plain f32 (int8: bytes) (oc, ic, kh, kw) into a primitive's layout and type, out of it, or between two primitives' (NULL:
 * plain). */
status dnn_reorder_open(dnn_reorder **out, dnn *d, const dnn_conv *from, const dnn_conv *to);
void dnn_reorder_close(dnn_reorder *r);
size_t dnn_reorder_scratch_size(const dnn_reorder *r);
status dnn_reorder_run(dnn_reorder *r, const void *from, void *to, void *scratch);

#endif
