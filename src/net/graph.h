/*
 * The network as data: one array of ops in running order. Op i computes value i and reads smaller numbers. The graph is
 * canonical: folding, fusion and layout are passes of the engines.
 */
#ifndef POLYP_NET_GRAPH_H
#define POLYP_NET_GRAPH_H

#include "net/params.h"
#include "net/tensor.h"

enum op_kind {
    OP_INPUT, /* value 0: the normalised picture, 3 channels */
    OP_CONV,  /* kernel x kernel, stride, padding; params: weight, then bias when has_bias */
    OP_NORM,  /* batch norm; params: gamma, beta, running mean, running variance */
    OP_RELU,
    OP_ADD,      /* input[0] + input[1] */
    OP_MAX_POOL, /* kernel, stride, padding (padding never wins) */
    OP_UPCONV,   /* transposed convolution 2x2, stride 2; params: weight, then bias */
    OP_UPSAMPLE, /* every pixel becomes 2x2 equal ones */
    OP_CONCAT    /* channels of input[0], then of input[1] */
};

typedef struct op {
    enum op_kind kind;
    int input[2]; /* values read; -1: none */
    int channels; /* of the value computed */
    int kernel, stride, padding;
    bool has_bias;
    int param;     /* index of the first parameter in the table; -1: none */
    char name[48]; /* the module's name, "encoder.layer1.0.conv1" */
} op;

/* Outputs beside the logits, for training alone. */
enum { GRAPH_AUXILIARY = 2, GRAPH_OUTPUTS = 1 + GRAPH_AUXILIARY };

typedef struct graph {
    op *ops;
    int count;
    int output;                     /* value with the logits, 1 channel */
    int auxiliary[GRAPH_AUXILIARY]; /* values with coarser logits (unet_add_auxiliary) */
    int auxiliary_count;
    param_table params;
    char preset[24]; /* "slim" */
} graph;

/* Value of output k: 0 the logits, then the auxiliary ones. */
static inline int graph_output(const graph *g, int k)
{
    return k == 0 ? g->output : g->auxiliary[k - 1];
}

static inline bool graph_is_output(const graph *g, int value)
{
    for (int k = 0; k <= g->auxiliary_count; k++) {
        if (graph_output(g, k) == value) return true;
    }
    return false;
}

/* Constants of the field, defined once. */
#define NORM_EPSILON  1e-5f
#define NORM_MOMENTUM 0.1f /* running = 0.9 running + 0.1 batch; batch variance unbiased */

/* Building blocks: append an op, return its value's number, or -1 after fail(). Values of -1 as input give -1, so that
 * a builder checks once at its end. `name` is the module's name; parameters get ".weight" and so on. */
int graph_input(graph *g, int channels);
int graph_conv(graph *g, int input, int channels, int kernel, int stride, int padding, bool bias, int group,
               const char *name);
int graph_norm(graph *g, int input, int group, const char *name);
int graph_relu(graph *g, int input, const char *name);
int graph_add(graph *g, int a, int b, const char *name);
int graph_max_pool(graph *g, int input, int kernel, int stride, int padding, const char *name);
int graph_upconv(graph *g, int input, int channels, int group, const char *name);
int graph_upsample(graph *g, int input, const char *name);
int graph_concat(graph *g, int a, int b, const char *name);

/* The shape of every value for an input shape: out[graph->count]. Errors: SIZE (not a multiple of the network's 32, too
 * large to address), MISMATCH (channels). */
status graph_shapes(const graph *g, shape input, shape *out);

/* Multiply-adds of one forward pass. */
double graph_multiply_adds(const graph *g, const shape *shapes);

void graph_free(graph *g);

/* ---- networks (resnet.c, unet.c) ------------------------------------------------------------------------ */

/* Values at the end of the stem and of each layer. */
typedef struct resnet_values {
    int stem;     /* ReLU after bn1, 1/2 */
    int layer[4]; /* 1/4 1/8 1/16 1/32; -1 where not built */
} resnet_values;

/*
 * torchvision's ResNet v1.5 (stride on the 3x3) without the classifier. depth 18, 34, 50, 101; `width` of the stem (64
 * in the published ones); `layers` how many of layer1..4 are built; `prefix` such as "encoder.".
 */
status resnet_build(graph *g, int input, const char *prefix, int depth, int width, int layers, resnet_values *out);

enum unet_decoder {
    DECODER_TRANSPOSED, /* Alam et al. 2020: transposed convolutions, the picture as last skip, a 1x1 head */
    DECODER_NEAREST     /* segmentation_models_pytorch's Unet: nearest upsampling, no skip at full size, a 3x3 head */
};

typedef struct unet_spec {
    char name[24];
    int depth;     /* of the ResNet */
    int width;     /* of its stem: 64 */
    int layers;    /* 4: bridge is layer4; 3: layer3 */
    int stages;    /* layers + 1 */
    int widths[5]; /* of the decoder's stages, deepest first */
    enum unet_decoder decoder;
} unet_spec;

/* "slim", "wide", "coauthor", "slim18", "slim34", "slim101" (design section 3), "smp-resnet18" and so on with
 * segmentation_models_pytorch's decoder, "tiny" for tests. Error: ARGUMENT, listing the names. */
status unet_preset(unet_spec *out, const char *name);
const char *const *unet_preset_names(void); /* ends with NULL */

/* Alam et al. 2020: ResNet encoder; each decoder step transposed convolution, concatenation [up, skip], twice (3x3
 * convolution, batch norm, ReLU); head 1x1 convolution to one logit. Or the decoder of segmentation_models_pytorch's Unet
 * (decoders/unet/decoder.py of version 0.6). `out` zero-initialised; graph_free() it. */
status unet_build(graph *out, const unet_spec *spec);

/*
 * Deep supervision: a 1x1 convolution to one logit on the decoder's maps at 1/4 and 1/8 of the picture (auxiliary.0,
 * auxiliary.1), as in nnU-Net (Isensee et al. 2021). Ops and parameters come after all others, so that the plain
 * network's initial values stay the same; only a training needs them, and params_copy_shared() leaves them behind.
 * `g` is of unet_build(). Errors: ARGUMENT (no such maps), MEMORY.
 */
status unet_add_auxiliary(graph *g);

struct weights_file;

/* The depth of the torchvision ResNet that a file holds: 18, 34, 50, 101; 0: none. Told by which blocks there are. */
int resnet_recognise(const struct weights_file *file);

/* Which preset's table has exactly these names and shapes (num_batches_tracked ignored)? Error: MISMATCH. */
status unet_recognise(unet_spec *out, const struct weights_file *file, const char *path);

#endif
