/* Small graphs of one op each, alone or with what an engine may fuse with it. */
#ifndef POLYP_TESTS_OP_PATTERNS_H
#define POLYP_TESTS_OP_PATTERNS_H

#include "engine_help.h"

/* `in` channels of n pictures of h x w reach the op, which makes `out` of them. */
typedef struct op_case {
    const char *pattern;
    int (*build)(graph *g, int x, const struct op_case *c);
    int n, in, out, h, w; /* `in` channels reach the op */
    int kernel, stride, padding;
    bool bias, no_probe;
    bool has_norm;
} op_case;

/* ---- patterns: the op alone, or with what an engine may fuse with it ------------------------------------- */

static inline int conv(graph *g, int x, const op_case *c)
{
    return graph_conv(g, x, c->out, c->kernel, c->stride, c->padding, c->bias, 2, "op");
}

static inline int conv_norm(graph *g, int x, const op_case *c)
{
    return graph_norm(g, conv(g, x, c), 2, "norm");
}

static inline int conv_norm_relu(graph *g, int x, const op_case *c)
{
    return graph_relu(g, conv_norm(g, x, c), "relu");
}

static inline int conv_relu(graph *g, int x, const op_case *c)
{
    return graph_relu(g, conv(g, x, c), "relu");
}

/* ResNet's block with its shortcut: relu(norm(conv(x)) + norm(1x1(x))). */
static inline int residual(graph *g, int x, const op_case *c)
{
    const int shortcut = graph_conv(g, x, c->out, 1, c->stride, 0, false, 2, "shortcut");
    const int sum = graph_add(g, conv_norm(g, x, c), graph_norm(g, shortcut, 2, "shortcut_norm"), "add");
    return graph_relu(g, sum, "relu");
}

/* relu(norm(conv(x)) + x): in and out channels and the size must stay. */
static inline int identity_residual(graph *g, int x, const op_case *c)
{
    const int y = graph_norm(g, graph_conv(g, x, c->in, 3, 1, 1, false, 2, "op"), 2, "norm");
    return graph_relu(g, graph_add(g, y, x, "add"), "relu");
}

/* The network's first op reads the picture itself. */
static inline int conv_of_picture(graph *g, int x, const op_case *c)
{
    return conv(g, x, c);
}

static inline int stem(graph *g, int x, const op_case *c)
{
    return graph_max_pool(g, conv_norm_relu(g, x, c), 3, 2, 1, "pool");
}

static inline int norm(graph *g, int x, const op_case *c)
{
    (void)c;
    return graph_norm(g, x, 2, "op");
}

static inline int relu(graph *g, int x, const op_case *c)
{
    (void)c;
    return graph_relu(g, x, "op");
}

static inline int add_twice(graph *g, int x, const op_case *c)
{
    (void)c;
    return graph_add(g, graph_add(g, x, x, "twice"), x, "thrice");
}

static inline int max_pool(graph *g, int x, const op_case *c)
{
    return graph_max_pool(g, x, c->kernel, c->stride, c->padding, "op");
}

static inline int upconv(graph *g, int x, const op_case *c)
{
    return graph_upconv(g, x, c->out, 2, "op");
}

static inline int concat(graph *g, int x, const op_case *c)
{
    return graph_concat(g, conv(g, x, c), x, "concat");
}

/* The decoder's joint: [upconv(pool(x)), x], then convolution, norm, ReLU; even sizes only. */
static inline int decoder(graph *g, int x, const op_case *c)
{
    const int low = graph_max_pool(g, x, 2, 2, 0, "pool");
    const int up = graph_upconv(g, low, c->out, 2, "up");
    const int joined = graph_concat(g, up, x, "concat");
    return graph_relu(g, graph_norm(g, graph_conv(g, joined, c->out, 3, 1, 1, false, 2, "op"), 2, "norm"), "relu");
}

static inline int upsample(graph *g, int x, const op_case *c)
{
    (void)c;
    return graph_upsample(g, x, "op");
}

/* segmentation_models_pytorch's joint, and its last stage without a skip; x is read by the pool and by the joint. */
static inline int nearest_decoder(graph *g, int x, const op_case *c)
{
    const int up = graph_upsample(g, graph_max_pool(g, x, 2, 2, 0, "pool"), "up");
    const int y = graph_conv(g, graph_concat(g, up, x, "concat"), c->out, 3, 1, 1, false, 2, "op");
    const int whole = graph_upsample(g, graph_relu(g, graph_norm(g, y, 2, "norm"), "relu"), "whole");
    return graph_conv(g, whole, 1, 3, 1, 1, true, 2, "head");
}

/* What is upsampled is read by others too: its gradient has several sources. */
static inline int upsample_shared(graph *g, int x, const op_case *c)
{
    const int up = graph_upsample(g, x, "up");
    const int both = graph_concat(g, graph_upsample(g, x, "again"), up, "concat");
    return graph_add(g, conv(g, up, c), conv_norm(g, both, c), "add");
}

static inline void build(graph *g, const op_case *c)
{
    const int x =
        c->no_probe ? graph_input(g, c->in) : graph_conv(g, graph_input(g, 3), c->in, 1, 1, 0, false, 2, "probe");
    assert_true(c->build(g, x, c) > 0);
}

#endif
