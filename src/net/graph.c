/* The op list: appending ops, shapes of values, cost. */
#include "net/graph.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Arrays grow in steps, so that appending one op at a time stays cheap. */
enum { GROWTH = 64 };

static op *append(graph *g, enum op_kind kind, int channels, const char *name)
{
    if (g->count % GROWTH == 0) {
        const size_t old = (size_t)g->count;
        if (memory_resize(&g->ops, old, old + GROWTH) != POLYP_OK) return NULL;
    }
    op *const o = &g->ops[g->count];
    *o = (op){.kind = kind, .input = {-1, -1}, .channels = channels, .param = -1};
    if (strlen(name) >= sizeof o->name) {
        (void)fail(POLYP_ERR_ARGUMENT, "the module name %s is too long", name);
        return NULL;
    }
    strcpy(o->name, name);
    g->count++;
    g->output = g->count - 1;
    return o;
}

/* Parameter `suffix` of the newest op; the first one becomes op.param. */
static bool add_param(graph *g, op *o, const char *suffix, enum param_role role, int rank, const int *dims, int group)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", o->name, suffix);
    const int index = param_append(&g->params, name, role, rank, dims, group);
    if (index >= 0 && o->param < 0) o->param = index;
    return index >= 0;
}

int graph_input(graph *g, int channels)
{
    return append(g, OP_INPUT, channels, "input") == NULL ? -1 : g->count - 1;
}

int graph_conv(graph *g, int input, int channels, int kernel, int stride, int padding, bool bias, int group,
               const char *name)
{
    if (input < 0) return -1;
    op *const o = append(g, OP_CONV, channels, name);
    if (o == NULL) return -1;
    o->input[0] = input;
    o->kernel = kernel;
    o->stride = stride;
    o->padding = padding;
    o->has_bias = bias;
    const int dims[4] = {channels, g->ops[input].channels, kernel, kernel};
    if (!add_param(g, o, "weight", PARAM_CONV_WEIGHT, 4, dims, group)) return -1;
    if (bias && !add_param(g, o, "bias", PARAM_BIAS, 1, dims, group)) return -1;
    return g->count - 1;
}

int graph_norm(graph *g, int input, int group, const char *name)
{
    if (input < 0) return -1;
    op *const o = append(g, OP_NORM, g->ops[input].channels, name);
    if (o == NULL) return -1;
    o->input[0] = input;
    const int dims[1] = {o->channels};
    if (!add_param(g, o, "weight", PARAM_NORM_WEIGHT, 1, dims, group)) return -1;
    if (!add_param(g, o, "bias", PARAM_NORM_BIAS, 1, dims, group)) return -1;
    if (!add_param(g, o, "running_mean", PARAM_RUNNING_MEAN, 1, dims, group)) return -1;
    if (!add_param(g, o, "running_var", PARAM_RUNNING_VAR, 1, dims, group)) return -1;
    return g->count - 1;
}

int graph_relu(graph *g, int input, const char *name)
{
    if (input < 0) return -1;
    op *const o = append(g, OP_RELU, g->ops[input].channels, name);
    if (o == NULL) return -1;
    o->input[0] = input;
    return g->count - 1;
}

int graph_add(graph *g, int a, int b, const char *name)
{
    if (a < 0 || b < 0) return -1;
    op *const o = append(g, OP_ADD, g->ops[a].channels, name);
    if (o == NULL) return -1;
    o->input[0] = a;
    o->input[1] = b;
    return g->count - 1;
}

int graph_max_pool(graph *g, int input, int kernel, int stride, int padding, const char *name)
{
    if (input < 0) return -1;
    op *const o = append(g, OP_MAX_POOL, g->ops[input].channels, name);
    if (o == NULL) return -1;
    o->input[0] = input;
    o->kernel = kernel;
    o->stride = stride;
    o->padding = padding;
    return g->count - 1;
}

int graph_upconv(graph *g, int input, int channels, int group, const char *name)
{
    if (input < 0) return -1;
    op *const o = append(g, OP_UPCONV, channels, name);
    if (o == NULL) return -1;
    o->input[0] = input;
    o->kernel = 2;
    o->stride = 2;
    o->has_bias = true;
    const int dims[4] = {g->ops[input].channels, channels, 2, 2};
    if (!add_param(g, o, "weight", PARAM_UPCONV_WEIGHT, 4, dims, group)) return -1;
    if (!add_param(g, o, "bias", PARAM_BIAS, 1, &channels, group)) return -1;
    return g->count - 1;
}

int graph_upsample(graph *g, int input, const char *name)
{
    if (input < 0) return -1;
    op *const o = append(g, OP_UPSAMPLE, g->ops[input].channels, name);
    if (o == NULL) return -1;
    o->input[0] = input;
    return g->count - 1;
}

int graph_concat(graph *g, int a, int b, const char *name)
{
    if (a < 0 || b < 0) return -1;
    op *const o = append(g, OP_CONCAT, g->ops[a].channels + g->ops[b].channels, name);
    if (o == NULL) return -1;
    o->input[0] = a;
    o->input[1] = b;
    return g->count - 1;
}

/* Size of a convolution's or pool's output along one side; 0 or less: the input is too small. */
static int output_side(const op *o, int side)
{
    const int room = side + 2 * o->padding - o->kernel;
    return room < 0 ? 0 : room / o->stride + 1;
}

static status two_inputs_agree(const op *o, const shape *a, const shape *b)
{
    const bool same_channels = o->kind == OP_CONCAT || a->c == b->c;
    if (a->h == b->h && a->w == b->w && same_channels) return POLYP_OK;
    return fail(POLYP_ERR_SIZE, "%s joins %dx%dx%d and %dx%dx%d: the picture's sides must be multiples of 32", o->name,
                a->c, a->h, a->w, b->c, b->h, b->w);
}

static status op_shape(const op *o, const shape *known, shape input, shape *out)
{
    if (o->kind == OP_INPUT) {
        if (input.c != o->channels) {
            return fail(POLYP_ERR_MISMATCH, "the network reads %d channels, not %d", o->channels, input.c);
        }
        *out = input;
        return POLYP_OK;
    }
    const shape a = known[o->input[0]];
    *out = (shape){a.n, o->channels, a.h, a.w};
    if (o->kind == OP_CONV || o->kind == OP_MAX_POOL) {
        out->h = output_side(o, a.h);
        out->w = output_side(o, a.w);
    } else if (o->kind == OP_UPCONV || o->kind == OP_UPSAMPLE) {
        if (a.h > INT_MAX / 2 || a.w > INT_MAX / 2)
            return fail(POLYP_ERR_SIZE, "%s: the picture is too large", o->name);
        out->h = 2 * a.h;
        out->w = 2 * a.w;
    } else if (o->kind == OP_ADD || o->kind == OP_CONCAT) {
        TRY(two_inputs_agree(o, &a, &known[o->input[1]]));
    }
    return POLYP_OK;
}

/* Every value must be addressable with 32-bit sides and fit a size_t in bytes. */
static status shape_is_sane(const op *o, shape s)
{
    size_t bytes = sizeof(float);
    const int sides[4] = {s.n, s.c, s.h, s.w};
    for (int i = 0; i < 4; i++) {
        if (sides[i] < 1) {
            return fail(POLYP_ERR_SIZE, "%s would be %dx%dx%dx%d: the picture is too small", o->name, s.n, s.c, s.h,
                        s.w);
        }
        if (!size_multiply(bytes, (size_t)sides[i], &bytes) || bytes > PTRDIFF_MAX / 8) {
            return fail(POLYP_ERR_SIZE, "%s would be %dx%dx%dx%d: the picture is too large", o->name, s.n, s.c, s.h,
                        s.w);
        }
    }
    return POLYP_OK;
}

status graph_shapes(const graph *g, shape input, shape *out)
{
    for (int i = 0; i < g->count; i++) {
        TRY(op_shape(&g->ops[i], out, input, &out[i]));
        TRY(shape_is_sane(&g->ops[i], out[i]));
    }
    return POLYP_OK;
}

double graph_multiply_adds(const graph *g, const shape *shapes)
{
    double sum = 0;
    for (int i = 0; i < g->count; i++) {
        const op *const o = &g->ops[i];
        if (o->kind != OP_CONV && o->kind != OP_UPCONV) continue;
        const shape in = shapes[o->input[0]];
        /* every input pixel of an upconv meets its 2x2 kernel once */
        const shape places = o->kind == OP_CONV ? shapes[i] : in;
        sum += (double)places.n * places.h * places.w * o->channels * in.c * o->kernel * o->kernel;
    }
    return sum;
}

void graph_free(graph *g)
{
    if (g == NULL) return;
    memory_free(g->ops);
    param_table_free(&g->params);
    *g = (graph){0};
}
