/* Nodes, inputs and outputs: one node for each op, none for a batch norm that is folded away. */
#include <stdio.h>
#include <string.h>

#include "net/onnx_builder.h"

enum { NAME_ROOM = 64 };

/* ---- attributes ----------------------------------------------------------------------------------------- */

void onnx_attribute_int(proto *node, const char *name, int value)
{
    proto a = {0};
    proto_text(&a, ATTRIBUTE_NAME, name);
    proto_number(&a, ATTRIBUTE_I, (uint64_t)(int64_t)value);
    proto_number(&a, ATTRIBUTE_TYPE, ATTRIBUTE_IS_INT);
    proto_message(node, NODE_ATTRIBUTE, &a);
}

void onnx_attribute_float(proto *node, const char *name, float value)
{
    proto a = {0};
    proto_text(&a, ATTRIBUTE_NAME, name);
    proto_float(&a, ATTRIBUTE_F, value);
    proto_number(&a, ATTRIBUTE_TYPE, ATTRIBUTE_IS_FLOAT);
    proto_message(node, NODE_ATTRIBUTE, &a);
}

void onnx_attribute_text(proto *node, const char *name, const char *value)
{
    proto a = {0};
    proto_text(&a, ATTRIBUTE_NAME, name);
    proto_text(&a, ATTRIBUTE_S, value);
    proto_number(&a, ATTRIBUTE_TYPE, ATTRIBUTE_IS_STRING);
    proto_message(node, NODE_ATTRIBUTE, &a);
}

void onnx_attribute_ints(proto *node, const char *name, const int *values, int count)
{
    proto a = {0};
    proto_text(&a, ATTRIBUTE_NAME, name);
    for (int i = 0; i < count; i++) proto_number(&a, ATTRIBUTE_INTS, (uint64_t)(int64_t)values[i]);
    proto_number(&a, ATTRIBUTE_TYPE, ATTRIBUTE_IS_INTS);
    proto_message(node, NODE_ATTRIBUTE, &a);
}

/* `count` times the same: kernel_shape, strides, pads of square windows. */
static void attribute_repeated(proto *node, const char *name, int value, int count)
{
    const int values[4] = {value, value, value, value};
    onnx_attribute_ints(node, name, values, count);
}

/* ---- nodes ---------------------------------------------------------------------------------------------- */

proto onnx_node(const char *type, const char *input, const char *output)
{
    proto node = {0};
    proto_text(&node, NODE_INPUT, input);
    proto_text(&node, NODE_OUTPUT, output);
    proto_text(&node, NODE_NAME, output);
    proto_text(&node, NODE_OP_TYPE, type);
    return node;
}

void onnx_add_node(onnx_builder *b, proto *node)
{
    proto_message(&b->body, GRAPH_NODE, node);
}

/* The name of value i: its op's, but for the network's result. */
static const char *value_name(const onnx_builder *b, int i)
{
    return i == b->g->output ? ONNX_LOGITS : b->g->ops[i].name;
}

/* A convolution, with the batch norm that is folded into it. */
static status add_conv(onnx_builder *b, int i)
{
    const op *const o = &b->g->ops[i];
    const param *const weight = &b->g->params.entries[o->param];
    const int norm = b->folded[i];
    char bias[NAME_ROOM];
    (void)snprintf(bias, sizeof bias, "%s.bias", o->name);
    proto node = onnx_node("Conv", value_name(b, o->input[0]), value_name(b, norm < 0 ? i : norm));
    proto_text(&node, NODE_INPUT, weight->name);
    if (norm >= 0 || o->has_bias) proto_text(&node, NODE_INPUT, bias);
    attribute_repeated(&node, "kernel_shape", o->kernel, 2);
    attribute_repeated(&node, "strides", o->stride, 2);
    attribute_repeated(&node, "pads", o->padding, 4);
    onnx_add_node(b, &node);
    if (norm >= 0) return onnx_add_folded(b, o, &b->g->ops[norm], bias);
    TRY(onnx_add_param(b, o->param));
    return o->has_bias ? onnx_add_param(b, o->param + 1) : POLYP_OK;
}

static status add_upconv(onnx_builder *b, int i)
{
    const op *const o = &b->g->ops[i];
    proto node = onnx_node("ConvTranspose", value_name(b, o->input[0]), value_name(b, i));
    for (int k = 0; k < 2; k++) proto_text(&node, NODE_INPUT, b->g->params.entries[o->param + k].name);
    attribute_repeated(&node, "kernel_shape", 2, 2);
    attribute_repeated(&node, "strides", 2, 2);
    onnx_add_node(b, &node);
    TRY(onnx_add_param(b, o->param));
    return onnx_add_param(b, o->param + 1);
}

static status add_norm(onnx_builder *b, int i)
{
    const op *const o = &b->g->ops[i];
    proto node = onnx_node("BatchNormalization", value_name(b, o->input[0]), value_name(b, i));
    for (int k = 0; k < 4; k++) proto_text(&node, NODE_INPUT, b->g->params.entries[o->param + k].name);
    onnx_attribute_float(&node, "epsilon", NORM_EPSILON);
    onnx_add_node(b, &node);
    for (int k = 0; k < 4; k++) TRY(onnx_add_param(b, o->param + k));
    return POLYP_OK;
}

static void add_pool(onnx_builder *b, int i)
{
    const op *const o = &b->g->ops[i];
    proto node = onnx_node("MaxPool", value_name(b, o->input[0]), value_name(b, i));
    attribute_repeated(&node, "kernel_shape", o->kernel, 2);
    attribute_repeated(&node, "strides", o->stride, 2);
    attribute_repeated(&node, "pads", o->padding, 4);
    onnx_add_node(b, &node);
}

/* Resize's inputs: X, roi (unused, empty), then scales or, with these empty, sizes. */
static void add_upsample(onnx_builder *b, int i)
{
    proto node = onnx_node("Resize", value_name(b, b->g->ops[i].input[0]), value_name(b, i));
    proto_text(&node, NODE_INPUT, "");
    proto_text(&node, NODE_INPUT, "twice");
    onnx_attribute_text(&node, "mode", "nearest");
    onnx_attribute_text(&node, "coordinate_transformation_mode", "asymmetric");
    onnx_attribute_text(&node, "nearest_mode", "floor");
    onnx_add_node(b, &node);
}

/* ReLU, addition, concatenation: nothing but their values. */
static void add_simple(onnx_builder *b, int i, const char *type)
{
    const op *const o = &b->g->ops[i];
    proto node = onnx_node(type, value_name(b, o->input[0]), value_name(b, i));
    if (o->input[1] >= 0) proto_text(&node, NODE_INPUT, value_name(b, o->input[1]));
    if (o->kind == OP_CONCAT) onnx_attribute_int(&node, "axis", 1);
    onnx_add_node(b, &node);
}

static bool is_folded_away(const onnx_builder *b, int i)
{
    const op *const o = &b->g->ops[i];
    return o->kind == OP_NORM && b->folded[o->input[0]] == i;
}

static status add_op(onnx_builder *b, int i)
{
    switch (b->g->ops[i].kind) {
    case OP_INPUT: break;
    case OP_CONV: return add_conv(b, i);
    case OP_UPCONV: return add_upconv(b, i);
    case OP_NORM: return is_folded_away(b, i) ? POLYP_OK : add_norm(b, i);
    case OP_MAX_POOL: add_pool(b, i); break;
    case OP_UPSAMPLE: add_upsample(b, i); break;
    case OP_RELU: add_simple(b, i, "Relu"); break;
    case OP_ADD: add_simple(b, i, "Add"); break;
    case OP_CONCAT: add_simple(b, i, "Concat"); break;
    }
    return POLYP_OK;
}

static status add_network(onnx_builder *b)
{
    static const float twice[4] = {1, 1, 2, 2};
    static const int four = 4;
    bool upsamples = false;
    for (int i = 0; i < b->g->count; i++) {
        TRY(add_op(b, i));
        upsamples = upsamples || b->g->ops[i].kind == OP_UPSAMPLE;
    }
    return upsamples ? onnx_add_floats(b, "twice", 1, &four, twice) : POLYP_OK;
}

/* ---- inputs and outputs ---------------------------------------------------------------------------------- */

/* A side of a shape: a number, or a name for one that is free. */
typedef struct side {
    int value;
    const char *name;
} side;

static void add_value(onnx_builder *b, int field, const char *name, int type, const side sides[4])
{
    proto sides_of = {0}, array = {0}, kind = {0}, value = {0};
    for (int i = 0; i < 4; i++) {
        proto dim = {0};
        if (sides[i].name != NULL) {
            proto_text(&dim, DIM_PARAM, sides[i].name);
        } else {
            proto_number(&dim, DIM_VALUE, (uint64_t)sides[i].value);
        }
        proto_message(&sides_of, SHAPE_DIM, &dim);
    }
    proto_number(&array, TYPE_ELEMENT, (uint64_t)type);
    proto_message(&array, TYPE_SHAPE, &sides_of);
    proto_message(&kind, TYPE_TENSOR, &array);
    proto_text(&value, VALUE_NAME, name);
    proto_message(&value, VALUE_TYPE, &kind);
    proto_message(&b->body, field, &value);
}

static void add_values(onnx_builder *b)
{
    const side batch = {0, "batch"}, one = {1, NULL}, three = {3, NULL};
    const side own_height = {0, "height"}, own_width = {0, "width"};
    const bool fixed = b->options->size > 0;
    const side fixed_side = {b->options->size, NULL};
    const side height = fixed ? fixed_side : own_height, width = fixed ? fixed_side : own_width;
    if (b->options->preprocess) {
        add_value(b, GRAPH_INPUT, "picture", ONNX_UINT8, (const side[4]){batch, own_height, own_width, three});
    } else {
        add_value(b, GRAPH_INPUT, b->g->ops[0].name, ONNX_FLOAT, (const side[4]){batch, three, height, width});
    }
    add_value(b, GRAPH_OUTPUT, ONNX_LOGITS, ONNX_FLOAT, (const side[4]){batch, one, height, width});
    if (b->options->preprocess) {
        add_value(b, GRAPH_OUTPUT, "probability", ONNX_FLOAT, (const side[4]){batch, one, own_height, own_width});
    }
}

status onnx_add_nodes(onnx_builder *b)
{
    proto_text(&b->body, GRAPH_NAME, b->g->preset);
    add_values(b);
    if (b->options->preprocess) TRY(onnx_add_preparation(b));
    TRY(add_network(b));
    if (b->options->preprocess) TRY(onnx_add_conclusion(b));
    return b->body.failure;
}
