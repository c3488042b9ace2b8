/* What dnn.c and dnn_weights.c share: the only files that include this, and so oneDNN's headers. */
#ifndef POLYP_ENGINE_ONEDNN_DNN_IMPL_H
#define POLYP_ENGINE_ONEDNN_DNN_IMPL_H

#include <dnnl.h>

#include "engine/onednn/dnn.h"

#define DNN_MAJOR DNNL_VERSION_MAJOR

#if DNN_MAJOR >= 3
typedef dnnl_memory_desc_t layout; /* a handle, to be destroyed */
typedef const_dnnl_memory_desc_t const_layout;
#else
typedef dnnl_memory_desc_t layout; /* a struct, by value */
typedef const dnnl_memory_desc_t *const_layout;
#endif

struct dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

enum {
    MEMORY_SOURCE,
    MEMORY_WEIGHTS,
    MEMORY_BIAS,
    MEMORY_DESTINATION,
    MEMORY_SCRATCH,
    MEMORY_SCALES, /* int8 with version 3 alone; its handle is set when it is made */
    MEMORY_KINDS
};

struct dnn_conv {
    dnn *d;
    conv_spec spec;
    enum conv_direction direction;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[MEMORY_KINDS]; /* NULL where unused */
    dnnl_exec_arg_t arguments[MEMORY_KINDS];
    int argument_count;
    float *scales; /* what MEMORY_SCALES shows; else NULL */
};

static inline status check(dnnl_status_t s, const char *what)
{
    if (s == dnnl_success) return POLYP_OK;
    if (s == dnnl_out_of_memory) return fail(POLYP_ERR_MEMORY, "oneDNN has no memory for %s", what);
    return fail(POLYP_ERR_ENGINE, "oneDNN refused %s (status %d)", what, (int)s);
}

/* ---- layouts ------------------------------------------------------------------------------------------- */

static inline status layout_make(layout *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
#if DNN_MAJOR >= 3
    return check(dnnl_memory_desc_create_with_tag(out, rank, dims, type, tag), "a tensor's layout");
#else
    return check(dnnl_memory_desc_init_by_tag(out, rank, dims, type, tag), "a tensor's layout");
#endif
}

static inline void layout_drop(layout *l)
{
#if DNN_MAJOR >= 3
    if (*l != NULL) (void)dnnl_memory_desc_destroy(*l);
    *l = NULL;
#else
    (void)l;
#endif
}

static inline const_layout layout_view(const layout *l)
{
#if DNN_MAJOR >= 3
    return *l;
#else
    return l;
#endif
}

static inline const_layout layout_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

static inline size_t layout_bytes(const_layout l)
{
    return l == NULL ? 0 : dnnl_memory_desc_get_size(l);
}

/* A memory object without data; its handle is set before each run. */
static inline status memory_over(dnnl_memory_t *out, const dnn *d, const_layout l)
{
    return check(dnnl_memory_create(out, l, d->engine, DNNL_MEMORY_NONE), "a memory object");
}

static inline dnnl_query_t weights_query(enum conv_direction direction)
{
    return direction == CONV_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
}

#endif
