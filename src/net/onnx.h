/*
 * A network with its weights as an ONNX file (github.com/onnx/onnx: onnx/onnx.proto3, docs/Operators.md), for other
 * programs' engines. Operator set 17, IR version 8 (ONNX 1.12, 2022).
 */
#ifndef POLYP_NET_ONNX_H
#define POLYP_NET_ONNX_H

#include "net/graph.h"
#include "net/weights.h"

enum { ONNX_OPSET = 17 };

typedef struct onnx_options {
    int size;                      /* of the input, height and width; 0: any, chosen by who runs it */
    bool keep_norm;                /* batch norms stay ops of their own; else they are folded into the convolutions */
    bool preprocess;               /* the input is a picture of any size; `size` must be set */
    const float *mean, *deviation; /* [3], of RGB / 255: for `preprocess` */
    const char *description;       /* what goes in and comes out, for people */
    const weights_text *metadata;  /* kept as metadata_props */
    size_t metadata_count;
} onnx_options;

/*
 * Writes `weights` (f32, flat or mapped; only read) with the graph, beside and renamed. Batch size is free.
 *
 * Input "input": f32 (batch, 3, height, width), normalised. Output "logits": f32 (batch, 1, height, width).
 * With preprocess: input "picture", u8 RGB (batch, height, width, 3); it is squished to `size` as resize_bilinear() does
 * (a triangle filter in each direction, rounded to whole levels after each) and normalised; a second output "probability",
 * f32 (batch, 1, height, width), is the sigmoid of the logits at the picture's own size.
 *
 * Initialisers have the parameters' names. A folded convolution's weight keeps its name with other values, and its bias
 * is called as the convolution's would be (encoder.conv1.bias). Equal input gives equal bytes.
 * Errors: FORMAT (a weight that is not finite), UNSUPPORTED (weights that are not f32), SIZE (over 2 GiB), FILE, MEMORY.
 */
status onnx_write(const char *path, const graph *g, const params *weights, const onnx_options *options);

/* What an ONNX file says about itself. */
typedef struct onnx_about {
    char producer[64], version[32];
    int opset, ir_version;
    size_t nodes, initialisers, values; /* values: in all initialisers */
} onnx_about;

/* Reads the outline of any ONNX file; metadata entries are given to `each` (NULL: nobody), one after another (texts end
 * with NUL and live for the call). false in *is_onnx: not an ONNX file. Errors: FILE, MEMORY. */
status onnx_outline(onnx_about *out, bool *is_onnx, const char *path,
                    void (*each)(void *context, const char *key, const char *value), void *context);

#endif
