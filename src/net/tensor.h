/* A dense float tensor in the host's order: n, c, h, w with w running fastest. */
#ifndef POLYP_NET_TENSOR_H
#define POLYP_NET_TENSOR_H

#include <stddef.h>

#include "base/status.h"

typedef struct shape {
    int n, c, h, w;
} shape;

/* A view: who made it owns the memory. */
typedef struct tensor {
    shape shape;
    float *data; /* (n, c, h, w) */
} tensor;

/* n * c * h * w; shapes are checked for overflow where they are made (graph_shapes()). */
static inline size_t shape_count(shape s)
{
    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

/* Zeroed; tensor_free() it. */
status tensor_create(tensor *out, shape s);
void tensor_free(tensor *t);

#endif
