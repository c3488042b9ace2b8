/* The layouts that oneDNN's convolutions want their weights in, and reorders between them. */
#include <string.h>

#include "base/memory.h"
#include "engine/onednn/dnn_impl.h"

struct dnn_reorder {
    dnn *d;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_memory_t from, to, scratch;
};

bool dnn_conv_same_layout(const dnn_conv *a, const dnn_conv *b)
{
    const_layout la = layout_query(a->description, weights_query(a->direction));
    const_layout lb = layout_query(b->description, weights_query(b->direction));
    return dnnl_memory_desc_equal(la, lb) != 0;
}

/* Plain (oc, ic, kh, kw), the layout of files. */
static status plain_layout(layout *out, const dnn_conv *c)
{
    const conv_spec *const s = &c->spec;
    const dnnl_dims_t dims = {s->oc, s->ic, s->kernel, s->kernel};
    return layout_make(out, 4, dims, s->int8.scales != NULL ? dnnl_s8 : dnnl_f32, dnnl_oihw);
}

bool dnn_conv_is_slow(const dnn_conv *c)
{
    if (strncmp(dnn_conv_name(c), "ref", 3) != 0) return false;
    layout plain = {0};
    if (plain_layout(&plain, c) != POLYP_OK) return false;
    const bool same =
        dnnl_memory_desc_equal(layout_query(c->description, weights_query(c->direction)), layout_view(&plain)) != 0;
    layout_drop(&plain);
    return same;
}

/* ---- blocks -------------------------------------------------------------------------------------------- */

/* A layout's inner blocks from the outermost on, and its strides from outer block to outer block; axes: 0 oc, 1 ic. */
typedef struct blocking {
    int count;
    const dnnl_dim_t *sizes, *axes, *strides, *padded;
} blocking;

/* False: no blocks of values alone. */
static bool blocking_of(blocking *out, const_layout l)
{
#if DNN_MAJOR >= 3
    dnnl_format_kind_t kind = dnnl_format_kind_undef;
    if (dnnl_memory_desc_query(l, dnnl_query_format_kind, &kind) != dnnl_success || kind != dnnl_blocked) return false;
    return dnnl_memory_desc_query(l, dnnl_query_inner_nblks_s32, &out->count) == dnnl_success &&
           dnnl_memory_desc_query(l, dnnl_query_inner_blks, &out->sizes) == dnnl_success &&
           dnnl_memory_desc_query(l, dnnl_query_inner_idxs, &out->axes) == dnnl_success &&
           dnnl_memory_desc_query(l, dnnl_query_strides, &out->strides) == dnnl_success &&
           dnnl_memory_desc_query(l, dnnl_query_padded_dims, &out->padded) == dnnl_success;
#else
    const dnnl_blocking_desc_t *const b = &l->format_desc.blocking;
    *out = (blocking){b->inner_nblks, b->inner_blks, b->inner_idxs, b->strides, l->padded_dims};
    return l->format_kind == dnnl_blocked && l->extra.flags == 0 && l->offset0 == 0;
#endif
}

/* The next inner block when it is of `axis`, else 1. */
static int take_block(const blocking *b, int *next, int axis)
{
    if (*next == b->count || b->axes[*next] != axis) return 1;
    return (int)b->sizes[(*next)++];
}

/* Version 3 does not tell whether sums for signed sources lie behind the weights: their size does. */
static bool has_values_alone(const dnn_conv *c, const blocking *b)
{
    const bool narrow = c->spec.bf16 && c->direction != CONV_BACKWARD_WEIGHTS; /* whose gradients are f32 */
    const size_t size = c->spec.int8.scales != NULL ? 1 : narrow ? 2 : 4;
    const size_t values = (size_t)b->padded[0] * (size_t)b->padded[1] * (size_t)(b->padded[2] * b->padded[3]);
    return dnn_conv_weights_bytes(c) == values * size;
}

bool dnn_conv_blocks(weights_blocks *out, const dnn_conv *c)
{
    enum { SMALLEST_BLOCK = 8 };
    blocking b;
    int next = 0;
    if (!blocking_of(&b, layout_query(c->description, weights_query(c->direction)))) return false;
    const int ic_outer = take_block(&b, &next, 1);
    out->oc_block = take_block(&b, &next, 0);
    out->ic_inner = take_block(&b, &next, 1);
    out->ic_block = ic_outer * out->ic_inner;
    out->oc = (int)b.padded[0];
    out->ic = (int)b.padded[1];
    out->oc_stride = (size_t)b.strides[0];
    out->ic_stride = (size_t)b.strides[1];
    out->y_stride = (size_t)b.strides[2];
    out->x_stride = (size_t)b.strides[3];
    return next == b.count && out->oc_block >= SMALLEST_BLOCK && has_values_alone(c, &b);
}

/* ---- reorder ------------------------------------------------------------------------------------------- */

static status reorder_build(dnn_reorder *r, const_layout from, const_layout to)
{
    dnnl_primitive_attr_t attributes = NULL;
    status result = check(dnnl_primitive_attr_create(&attributes), "attributes");
    if (result != POLYP_OK) return result;
    TRY_DONE(
        check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "a scratchpad mode"));
    dnnl_engine_t const e = r->d->engine;
    TRY_DONE(check(dnnl_reorder_primitive_desc_create(&r->description, from, e, to, e, attributes), "a reorder"));
    TRY_DONE(check(dnnl_primitive_create(&r->primitive, r->description), "a reorder"));
    TRY_DONE(memory_over(&r->from, r->d, from));
    TRY_DONE(memory_over(&r->to, r->d, to));
    if (dnn_reorder_scratch_size(r) > 0) {
        TRY_DONE(memory_over(&r->scratch, r->d, layout_query(r->description, dnnl_query_scratchpad_md)));
    }
done:
    (void)dnnl_primitive_attr_destroy(attributes);
    return result;
}

status dnn_reorder_open(dnn_reorder **out, dnn *d, const dnn_conv *from, const dnn_conv *to)
{
    dnn_reorder *r = NULL;
    layout plain = {0};
    status result = memory_new(&r, 1);
    if (result != POLYP_OK) return result;
    r->d = d;
    TRY_DONE(plain_layout(&plain, from != NULL ? from : to));
    const_layout a =
        from == NULL ? layout_view(&plain) : layout_query(from->description, weights_query(from->direction));
    const_layout b = to == NULL ? layout_view(&plain) : layout_query(to->description, weights_query(to->direction));
    TRY_DONE(reorder_build(r, a, b));
    *out = r;
done:
    layout_drop(&plain);
    if (result != POLYP_OK) dnn_reorder_close(r);
    return result;
}

void dnn_reorder_close(dnn_reorder *r)
{
    if (r == NULL) return;
    if (r->from != NULL) (void)dnnl_memory_destroy(r->from);
    if (r->to != NULL) (void)dnnl_memory_destroy(r->to);
    if (r->scratch != NULL) (void)dnnl_memory_destroy(r->scratch);
    if (r->primitive != NULL) (void)dnnl_primitive_destroy(r->primitive);
    if (r->description != NULL) (void)dnnl_primitive_desc_destroy(r->description);
    memory_free(r);
}

size_t dnn_reorder_scratch_size(const dnn_reorder *r)
{
    return layout_bytes(layout_query(r->description, dnnl_query_scratchpad_md));
}

status dnn_reorder_run(dnn_reorder *r, const void *from, void *to, void *scratch)
{
    TRY(check(dnnl_memory_set_data_handle(r->from, (void *)(size_t)from), "a memory handle"));
    TRY(check(dnnl_memory_set_data_handle(r->to, to), "a memory handle"));
    dnnl_exec_arg_t arguments[3] = {{DNNL_ARG_FROM, r->from}, {DNNL_ARG_TO, r->to}, {DNNL_ARG_SCRATCHPAD, r->scratch}};
    if (r->scratch != NULL) TRY(check(dnnl_memory_set_data_handle(r->scratch, scratch), "a memory handle"));
    const int count = r->scratch != NULL ? 3 : 2;
    return check(dnnl_primitive_execute(r->primitive, r->d->stream, count, arguments), "to run a reorder");
}
