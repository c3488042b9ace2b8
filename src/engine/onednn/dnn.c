/* oneDNN's C API, 2.6 and 3.x: descriptors are structs in the one and handles in the other. */
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/memory.h"
#include "engine/onednn/dnn_impl.h"

void dnn_use_threads(int threads)
{
#ifdef _OPENMP
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
}

status dnn_open(dnn **out)
{
    dnn *d = NULL;
    status result = memory_new(&d, 1);
    if (result != POLYP_OK) return result;
    TRY_DONE(check(dnnl_engine_create(&d->engine, dnnl_cpu, 0), "a CPU engine"));
    TRY_DONE(check(dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags), "a stream"));
    *out = d;
    return POLYP_OK;
done:
    dnn_close(d);
    return result;
}

void dnn_close(dnn *d)
{
    if (d == NULL) return;
    if (d->stream != NULL) (void)dnnl_stream_destroy(d->stream);
    if (d->engine != NULL) (void)dnnl_engine_destroy(d->engine);
    memory_free(d);
}

int dnn_lanes(void)
{
    /* the ISA values are bit sets in which every AVX-512 one contains avx512_core's bits */
    const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core;
    return (isa & avx512) == avx512 ? 16 : 8;
}

bool dnn_has_bf16(void)
{
    const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned bf16 = (unsigned)dnnl_cpu_isa_avx512_core_bf16;
    return (isa & bf16) == bf16;
}

bool dnn_has_amx(void)
{
    const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned amx = (unsigned)dnnl_cpu_isa_avx512_core_amx;
    return (isa & amx) == amx;
}

bool dnn_has_int8(void)
{
    const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned vnni = (unsigned)dnnl_cpu_isa_avx512_core_vnni;
    return (isa & vnni) == vnni;
}

float dnn_int8_bias(double bias, float scale)
{
    return (float)(DNN_MAJOR >= 3 ? bias : bias / (double)scale);
}

/* ---- convolution --------------------------------------------------------------------------------------- */

typedef struct conv_layouts {
    layout source, weights, weights_gradient, bias, destination;
} conv_layouts;

static void conv_layouts_drop(conv_layouts *l)
{
    layout_drop(&l->source);
    layout_drop(&l->weights);
    layout_drop(&l->weights_gradient);
    layout_drop(&l->bias);
    layout_drop(&l->destination);
}

static dnnl_data_type_t byte_type(bool is_signed)
{
    return is_signed ? dnnl_s8 : dnnl_u8;
}

/* Of source, weights, destination. */
typedef struct conv_types {
    dnnl_data_type_t source, weights, result;
    dnnl_format_tag_t format;
} conv_types;

static conv_types types_of(const conv_spec *s, bool forward)
{
    const dnnl_data_type_t type = s->bf16 ? dnnl_bf16 : dnnl_f32;
    if (s->int8.scales != NULL) {
        return (conv_types){byte_type(s->int8.signed_source), dnnl_s8, byte_type(s->int8.signed_result), dnnl_nhwc};
    }
    return (conv_types){type, type, forward && s->f32_result ? dnnl_f32 : type,
                        dnn_lanes() == 16 ? dnnl_nChw16c : dnnl_nChw8c};
}

static status conv_layouts_make(conv_layouts *out, const conv_spec *s, enum conv_direction direction)
{
    const conv_types t = types_of(s, direction == CONV_INFER || direction == CONV_FORWARD);
    const dnnl_dims_t source = {s->n, s->ic, s->ih, s->iw};
    const dnnl_dims_t weights = {s->oc, s->ic, s->kernel, s->kernel};
    const dnnl_dims_t bias = {s->oc};
    const dnnl_dims_t destination = {s->n, s->oc, s->oh, s->ow};
    TRY(layout_make(&out->source, 4, source, t.source, s->planar ? dnnl_nchw : t.format));
    TRY(layout_make(&out->weights, 4, weights, t.weights, dnnl_format_tag_any));
    TRY(layout_make(&out->weights_gradient, 4, weights, dnnl_f32, dnnl_format_tag_any));
    TRY(layout_make(&out->bias, 1, bias, dnnl_f32, dnnl_x));
    return layout_make(&out->destination, 4, destination, t.result, t.format);
}

/* One factor for each output channel. Version 3 is given the numbers when it runs. */
static status set_scales(dnnl_primitive_attr_t attributes, const conv_spec *s)
{
    enum { EACH_CHANNEL_OF_SUMS = 1 << 1, EACH_CHANNEL_OF_WEIGHTS = 1 << 0 };
    if (s->int8.scales == NULL) return POLYP_OK;
#if DNN_MAJOR >= 3
    (void)EACH_CHANNEL_OF_SUMS;
    return check(dnnl_primitive_attr_set_scales_mask(attributes, DNNL_ARG_WEIGHTS, EACH_CHANNEL_OF_WEIGHTS), "scales");
#else
    (void)EACH_CHANNEL_OF_WEIGHTS;
    return check(dnnl_primitive_attr_set_output_scales(attributes, s->oc, EACH_CHANNEL_OF_SUMS, s->int8.scales), "scales");
#endif
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops, const conv_spec *s)
{
    const bool int8 = s->int8.scales != NULL;
    const float scale = int8 ? s->int8.addend_scale : 1.0F;
    const dnnl_data_type_t type = int8 ? byte_type(s->int8.signed_addend) : dnnl_data_type_undef;
#if DNN_MAJOR >= 3
    return dnnl_post_ops_append_sum(ops, scale, 0, type);
#else
    return dnnl_post_ops_append_sum_v2(ops, scale, type);
#endif
}

/* User-mode scratchpad: one shared arena, safe between threads, and accounted for. */
static status attributes_make(dnnl_primitive_attr_t *out, const conv_spec *s, enum conv_direction direction)
{
    TRY(check(dnnl_primitive_attr_create(out), "attributes"));
    TRY(check(dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user), "a scratchpad mode"));
    TRY(set_scales(*out, s));
    if (direction != CONV_INFER || !(s->sum || s->relu)) return POLYP_OK;
    dnnl_post_ops_t ops = NULL;
    TRY(check(dnnl_post_ops_create(&ops), "post-ops"));
    dnnl_status_t r = s->sum ? append_sum(ops, s) : dnnl_success;
#if DNN_MAJOR >= 3
    if (s->relu && r == dnnl_success) r = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0.0F, 0.0F);
#else
    if (s->relu && r == dnnl_success) r = dnnl_post_ops_append_eltwise(ops, 1.0F, dnnl_eltwise_relu, 0.0F, 0.0F);
#endif
    if (r == dnnl_success) r = dnnl_primitive_attr_set_post_ops(*out, ops);
    (void)dnnl_post_ops_destroy(ops);
    return check(r, "post-ops");
}

/* Strides and padding in the form that both versions take. */
typedef struct conv_window {
    dnnl_dims_t strides, dilates, before, after;
} conv_window;

static conv_window window_of(const conv_spec *s)
{
    conv_window w = {.strides = {s->stride, s->stride}, .before = {s->padding, s->padding}};
    w.after[0] = (s->oh - 1) * s->stride + s->kernel - s->ih - s->padding;
    w.after[1] = (s->ow - 1) * s->stride + s->kernel - s->iw - s->padding;
    return w;
}

static const char *name_of(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    const dnnl_status_t s = dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    return s == dnnl_success && name != NULL ? name : "unknown";
}

/*
 * For bytes oneDNN puts its kernels of small matrix products first. Those that were written for convolutions give the same
 * bits and are made in a quarter of the time, which counts in a cold start (on Zen 4 and one thread they run as fast: 0.97 to
 * 1.03 for 19 shapes). Not where the former use AMX, which the latter do not.
 */
static bool is_slow_to_make(const_dnnl_primitive_desc_t pd)
{
    return strncmp(name_of(pd), "brg", 3) == 0 && strstr(name_of(pd), ":avx512_core_vnni") != NULL;
}

/* `other` comes after `*pd`; one of the two is dropped. */
static void take_quicker(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t other)
{
    if (other == NULL) return;
    const bool quicker = strncmp(name_of(other), "jit_int8", 8) == 0;
    (void)dnnl_primitive_desc_destroy(quicker ? *pd : other);
    if (quicker) *pd = other;
}

#if DNN_MAJOR >= 3
static void replace_slow_to_make(dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_desc_t other = NULL;
    if (!is_slow_to_make(*pd) || dnnl_primitive_desc_clone(&other, *pd) != dnnl_success) return;
    if (dnnl_primitive_desc_next_impl(other) == dnnl_success) {
        take_quicker(pd, other);
    } else {
        (void)dnnl_primitive_desc_destroy(other);
    }
}
#else
static status quick_description(dnnl_primitive_desc_t *out, const dnn *d, const dnnl_convolution_desc_t *c,
                                dnnl_primitive_attr_t attributes)
{
    dnnl_primitive_desc_iterator_t i = NULL;
    TRY(check(dnnl_primitive_desc_iterator_create(&i, c, attributes, d->engine, NULL), "a convolution of bytes"));
    *out = dnnl_primitive_desc_iterator_fetch(i);
    if (*out != NULL && is_slow_to_make(*out) && dnnl_primitive_desc_iterator_next(i) == dnnl_success) {
        take_quicker(out, dnnl_primitive_desc_iterator_fetch(i));
    }
    (void)dnnl_primitive_desc_iterator_destroy(i);
    return *out != NULL ? POLYP_OK : fail(POLYP_ERR_MEMORY, "oneDNN has no memory for a convolution of bytes");
}
#endif

static status forward_description(dnnl_primitive_desc_t *out, const dnn *d, const conv_spec *s, const conv_layouts *l,
                                  dnnl_prop_kind_t kind, dnnl_alg_kind_t algorithm, dnnl_primitive_attr_t attributes)
{
    const conv_window w = window_of(s);
    const_layout bias = s->bias ? layout_view(&l->bias) : NULL;
#if DNN_MAJOR >= 3
    TRY(check(dnnl_convolution_forward_primitive_desc_create(out, d->engine, kind, algorithm,
                                                             l->source, l->weights, bias, l->destination, w.strides,
                                                             w.dilates, w.before, w.after, attributes),
              "a convolution"));
    if (s->int8.quick) replace_slow_to_make(out);
    return POLYP_OK;
#else
    dnnl_convolution_desc_t c;
    TRY(check(dnnl_convolution_forward_desc_init(&c, kind, algorithm, &l->source, &l->weights, bias,
                                                 &l->destination, w.strides, w.before, w.after),
              "a convolution"));
    if (s->int8.quick) return quick_description(out, d, &c, attributes);
    return check(dnnl_primitive_desc_create(out, &c, attributes, d->engine, NULL), "a convolution");
#endif
}

static status backward_data_description(dnnl_primitive_desc_t *out, const dnn *d, const conv_spec *s,
                                        const conv_layouts *l, const_dnnl_primitive_desc_t hint,
                                        dnnl_alg_kind_t algorithm, dnnl_primitive_attr_t attributes)
{
    const conv_window w = window_of(s);
#if DNN_MAJOR >= 3
    return check(dnnl_convolution_backward_data_primitive_desc_create(out, d->engine, algorithm,
                                                                      l->source, l->weights, l->destination, w.strides,
                                                                      w.dilates, w.before, w.after, hint, attributes),
                 "a convolution's backward data");
#else
    dnnl_convolution_desc_t c;
    TRY(check(dnnl_convolution_backward_data_desc_init(&c, algorithm, &l->source, &l->weights,
                                                       &l->destination, w.strides, w.before, w.after),
              "a convolution's backward data"));
    return check(dnnl_primitive_desc_create(out, &c, attributes, d->engine, hint), "a convolution's backward data");
#endif
}

static status backward_weights_description(dnnl_primitive_desc_t *out, const dnn *d, const conv_spec *s,
                                           const conv_layouts *l, const_dnnl_primitive_desc_t hint,
                                           dnnl_alg_kind_t algorithm, dnnl_primitive_attr_t attributes)
{
    const conv_window w = window_of(s);
    const_layout bias = s->bias ? layout_view(&l->bias) : NULL;
#if DNN_MAJOR >= 3
    return check(dnnl_convolution_backward_weights_primitive_desc_create(
                     out, d->engine, algorithm, l->source, l->weights_gradient, bias, l->destination, w.strides,
                     w.dilates, w.before, w.after, hint, attributes),
                 "a convolution's backward weights");
#else
    dnnl_convolution_desc_t c;
    TRY(check(dnnl_convolution_backward_weights_desc_init(&c, algorithm, &l->source, &l->weights_gradient, bias,
                                                          &l->destination, w.strides, w.before, w.after),
              "a convolution's backward weights"));
    return check(dnnl_primitive_desc_create(out, &c, attributes, d->engine, hint), "a convolution's backward weights");
#endif
}

static status describe_with(dnn_conv *c, const conv_layouts *l, dnnl_alg_kind_t algorithm,
                            dnnl_primitive_attr_t attributes)
{
    const conv_spec *const s = &c->spec;
    if (c->direction == CONV_INFER) {
        return forward_description(&c->description, c->d, s, l, dnnl_forward_inference, algorithm, attributes);
    }
    dnnl_primitive_desc_t forward = NULL;
    TRY(forward_description(&forward, c->d, s, l, dnnl_forward_training, algorithm, attributes));
    if (c->direction == CONV_FORWARD) {
        c->description = forward;
        return POLYP_OK;
    }
    const status result =
        c->direction == CONV_BACKWARD_DATA
            ? backward_data_description(&c->description, c->d, s, l, forward, algorithm, attributes)
            : backward_weights_description(&c->description, c->d, s, l, forward, algorithm, attributes);
    (void)dnnl_primitive_desc_destroy(forward);
    return result;
}

/* The gradient of the weights by Winograd's algorithm takes transformed weights for every thread. */
static bool is_bounded(const dnn_conv *c)
{
    const size_t most = (size_t)128 << 20;
    return c->direction != CONV_BACKWARD_WEIGHTS || dnn_conv_scratch_size(c) <= most;
}

static status describe(dnn_conv *c, const conv_layouts *l, dnnl_primitive_attr_t attributes)
{
    if (c->spec.winograd && describe_with(c, l, dnnl_convolution_winograd, attributes) == POLYP_OK) {
        if (is_bounded(c)) return POLYP_OK;
        (void)dnnl_primitive_desc_destroy(c->description);
        c->description = NULL;
    }
    return describe_with(c, l, dnnl_convolution_direct, attributes);
}

static status add_memory(dnn_conv *c, int which, int argument, const_layout l)
{
    TRY(memory_over(&c->memory[which], c->d, l));
    c->arguments[c->argument_count++] = (dnnl_exec_arg_t){argument, c->memory[which]};
    return POLYP_OK;
}

static status add_memories(dnn_conv *c, const conv_layouts *l)
{
    const bool data = c->direction == CONV_BACKWARD_DATA;
    const bool weights = c->direction == CONV_BACKWARD_WEIGHTS;
    const bool backward = data || weights;
    TRY(add_memory(c, MEMORY_SOURCE, data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, layout_view(&l->source)));
    TRY(add_memory(c, MEMORY_WEIGHTS, weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
                   layout_query(c->description, weights_query(c->direction))));
    TRY(add_memory(c, MEMORY_DESTINATION, backward ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, layout_view(&l->destination)));
    if (c->spec.bias && !data) {
        TRY(add_memory(c, MEMORY_BIAS, weights ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, layout_view(&l->bias)));
    }
    if (dnn_conv_scratch_size(c) == 0) return POLYP_OK;
    return add_memory(c, MEMORY_SCRATCH, DNNL_ARG_SCRATCHPAD, layout_query(c->description, dnnl_query_scratchpad_md));
}

#if DNN_MAJOR >= 3
static status add_scales(dnn_conv *c)
{
    if (c->spec.int8.scales == NULL) return POLYP_OK;
    layout l = NULL;
    TRY(memory_new(&c->scales, (size_t)c->spec.oc));
    memcpy(c->scales, c->spec.int8.scales, (size_t)c->spec.oc * sizeof *c->scales);
    TRY(layout_make(&l, 1, (const dnnl_dims_t){c->spec.oc}, dnnl_f32, dnnl_x));
    const status result = add_memory(c, MEMORY_SCALES, DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, layout_view(&l));
    layout_drop(&l);
    if (result != POLYP_OK) return result;
    return check(dnnl_memory_set_data_handle(c->memory[MEMORY_SCALES], c->scales), "a memory handle");
}
#endif

status dnn_conv_open(dnn_conv **out, dnn *d, const conv_spec *spec, enum conv_direction direction)
{
    dnn_conv *c = NULL;
    conv_layouts l = {0};
    dnnl_primitive_attr_t attributes = NULL;
    status result = memory_new(&c, 1);
    if (result != POLYP_OK) return result;
    c->d = d;
    c->spec = *spec;
    c->direction = direction;
    TRY_DONE(conv_layouts_make(&l, spec, direction));
    TRY_DONE(attributes_make(&attributes, spec, direction));
    TRY_DONE(describe(c, &l, attributes));
    TRY_DONE(check(dnnl_primitive_create(&c->primitive, c->description), "a convolution"));
    TRY_DONE(add_memories(c, &l));
#if DNN_MAJOR >= 3
    TRY_DONE(add_scales(c));
#endif
    *out = c;
done:
    if (attributes != NULL) (void)dnnl_primitive_attr_destroy(attributes);
    conv_layouts_drop(&l);
    if (result != POLYP_OK) dnn_conv_close(c);
    return result;
}

void dnn_conv_close(dnn_conv *c)
{
    if (c == NULL) return;
    for (int i = 0; i < MEMORY_KINDS; i++) {
        if (c->memory[i] != NULL) (void)dnnl_memory_destroy(c->memory[i]);
    }
    if (c->primitive != NULL) (void)dnnl_primitive_destroy(c->primitive);
    if (c->description != NULL) (void)dnnl_primitive_desc_destroy(c->description);
    memory_free(c->scales);
    memory_free(c);
}

size_t dnn_conv_weights_bytes(const dnn_conv *c)
{
    return layout_bytes(layout_query(c->description, weights_query(c->direction)));
}

size_t dnn_conv_scratch_size(const dnn_conv *c)
{
    return layout_bytes(layout_query(c->description, dnnl_query_scratchpad_md));
}

const char *dnn_conv_name(const dnn_conv *c)
{
    return name_of(c->description);
}

status dnn_conv_run(dnn_conv *c, void *source, void *weights, float *bias, void *destination, void *scratch)
{
    void *const handles[MEMORY_SCALES] = {source, weights, bias, destination, scratch};
    for (int i = 0; i < MEMORY_SCALES; i++) {
        if (c->memory[i] == NULL) continue;
        TRY(check(dnnl_memory_set_data_handle(c->memory[i], handles[i]), "a memory handle"));
    }
    return check(dnnl_primitive_execute(c->primitive, c->d->stream, c->argument_count, c->arguments),
                 "to run a convolution");
}
