/*
 * Preprocessing inside an ONNX graph. Resize in its antialiased form came late (operator set 18), few engines have it, and
 * they differ at the border; so the squishing is written out: each direction is a matrix product with the triangle filter's
 * weights, which the graph computes from the picture's own size, and rounding to whole levels, as in media/resize.c and PIL.
 */
#include <stdio.h>

#include "net/onnx_builder.h"

enum { NAME_ROOM = 64 };

/* A node of one or two inputs. */
static void add_plain(onnx_builder *b, const char *type, const char *first, const char *second, const char *output)
{
    proto node = onnx_node(type, first, output);
    if (second != NULL) proto_text(&node, NODE_INPUT, second);
    onnx_add_node(b, &node);
}

static void add_cast(onnx_builder *b, const char *input, const char *output)
{
    proto node = onnx_node("Cast", input, output);
    onnx_attribute_int(&node, "to", ONNX_FLOAT);
    onnx_add_node(b, &node);
}

static void add_transpose(onnx_builder *b, const char *input, const char *output, const int *order, int rank)
{
    proto node = onnx_node("Transpose", input, output);
    onnx_attribute_ints(&node, "perm", order, rank);
    onnx_add_node(b, &node);
}

/* Sides start .. end - 1 of the picture (batch, height, width, 3). */
static void add_sides(onnx_builder *b, int start, int end, const char *output)
{
    proto node = onnx_node("Shape", "picture", output);
    onnx_attribute_int(&node, "start", start);
    onnx_attribute_int(&node, "end", end);
    onnx_add_node(b, &node);
}

/* ---- squishing ------------------------------------------------------------------------------------------ */

/* Names of one direction's values: "rows.scale". */
typedef struct direction {
    const char *name;
    int side; /* of the picture's shape */
} direction;

typedef struct value_name {
    char text[NAME_ROOM];
} value_name;

static value_name named(const direction *d, const char *value)
{
    value_name n;
    (void)snprintf(n.text, sizeof n.text, "%s.%s", d->name, value);
    return n;
}

#define VALUE(value) named(d, value).text

/* 0.5, 1.5 ... length - 0.5: where the picture's pixels have their centres. */
static void add_places(onnx_builder *b, const direction *d)
{
    add_sides(b, d->side, d->side + 1, VALUE("side"));
    add_plain(b, "Squeeze", VALUE("side"), NULL, VALUE("count"));
    proto node = onnx_node("Range", "zero", VALUE("numbers"));
    proto_text(&node, NODE_INPUT, VALUE("count"));
    proto_text(&node, NODE_INPUT, "step");
    onnx_add_node(b, &node);
    add_cast(b, VALUE("numbers"), VALUE("corners"));
    add_plain(b, "Add", VALUE("corners"), "half", VALUE("places"));
}

/* weights(i, j) = max(0, 1 - |centre i - place j| / support), each row divided by its sum; support: of the filter, the
 * scale when shrinking, else 1. */
static void add_weights(onnx_builder *b, const direction *d)
{
    add_cast(b, VALUE("side"), VALUE("length"));
    add_plain(b, "Div", VALUE("length"), "network_side", VALUE("scale"));
    add_plain(b, "Max", VALUE("scale"), "one", VALUE("support"));
    add_plain(b, "Mul", "network_centres", VALUE("scale"), VALUE("centres"));
    add_plain(b, "Sub", VALUE("centres"), VALUE("places"), VALUE("offsets"));
    add_plain(b, "Abs", VALUE("offsets"), NULL, VALUE("distances"));
    add_plain(b, "Div", VALUE("distances"), VALUE("support"), VALUE("shares"));
    add_plain(b, "Sub", "one", VALUE("shares"), VALUE("slopes"));
    add_plain(b, "Relu", VALUE("slopes"), NULL, VALUE("triangles"));
    add_plain(b, "ReduceSum", VALUE("triangles"), "step_axis", VALUE("sums"));
    add_plain(b, "Div", VALUE("triangles"), VALUE("sums"), VALUE("weights"));
}

/* To whole levels, halves up. */
static void add_rounding(onnx_builder *b, const direction *d, const char *output)
{
    add_plain(b, "Add", VALUE("levels"), "half", VALUE("above"));
    add_plain(b, "Floor", VALUE("above"), NULL, output);
}

static status add_constants(onnx_builder *b)
{
    static const int zero = 0, one = 1;
    static const float half = 0.5F, whole = 1.0F;
    const int size = b->options->size, column[2] = {size, 1};
    const float side = (float)size;
    float *const centres = arena_take(b->arena, (size_t)size, sizeof *centres);
    if (centres == NULL) return POLYP_ERR_MEMORY;
    for (int i = 0; i < size; i++) centres[i] = (float)i + 0.5F;
    TRY(onnx_add_integers(b, "zero", 0, &zero, 1));
    TRY(onnx_add_integers(b, "step", 0, &one, 1));
    TRY(onnx_add_integers(b, "step_axis", 1, &one, 1));
    TRY(onnx_add_floats(b, "half", 1, &one, &half));
    TRY(onnx_add_floats(b, "one", 1, &one, &whole));
    TRY(onnx_add_floats(b, "network_side", 1, &one, &side));
    return onnx_add_tensor(b, "network_centres", ONNX_FLOAT, 2, column, centres, NULL);
}

/* (batch, 3, height, width) -> (batch, 3, size, width) -> (batch, 3, size, size), whole levels: in the order in which
 * resize_bilinear() shrinks. */
static status add_squishing(onnx_builder *b)
{
    static const direction directions[] = {{"rows", 1}, {"columns", 2}};
    static const int swapped[2] = {1, 0};
    TRY(add_constants(b));
    for (int i = 0; i < 2; i++) {
        add_places(b, &directions[i]);
        add_weights(b, &directions[i]);
    }
    const direction *d = &directions[0];
    add_plain(b, "MatMul", VALUE("weights"), "picture.planes", VALUE("levels"));
    add_rounding(b, d, "picture.low");
    d = &directions[1];
    add_transpose(b, VALUE("weights"), VALUE("transposed"), swapped, 2);
    add_plain(b, "MatMul", "picture.low", VALUE("transposed"), VALUE("levels"));
    add_rounding(b, d, "picture.squished");
    return POLYP_OK;
}

status onnx_add_preparation(onnx_builder *b)
{
    static const int planes_first[4] = {0, 3, 1, 2}, channels[3] = {3, 1, 1};
    float mean[3], deviation[3];
    for (int c = 0; c < 3; c++) {
        mean[c] = 255.0F * b->options->mean[c];
        deviation[c] = 255.0F * b->options->deviation[c];
    }
    add_cast(b, "picture", "picture.float");
    add_transpose(b, "picture.float", "picture.planes", planes_first, 4);
    TRY(add_squishing(b));
    add_plain(b, "Sub", "picture.squished", "mean", "picture.centred");
    add_plain(b, "Div", "picture.centred", "deviation", b->g->ops[0].name);
    TRY(onnx_add_floats(b, "mean", 3, channels, mean));
    return onnx_add_floats(b, "deviation", 3, channels, deviation);
}

/* ---- probabilities -------------------------------------------------------------------------------------- */

/* Bilinear with half-pixel centres, edge clamped: prepare_mask()'s. Resize's inputs: X, roi and scales (left out), sizes. */
status onnx_add_conclusion(onnx_builder *b)
{
    static const int one = 1;
    add_sides(b, 0, 1, "picture.count");
    add_sides(b, 1, 3, "picture.size");
    proto node = onnx_node("Concat", "picture.count", "probability.shape");
    proto_text(&node, NODE_INPUT, "one_channel");
    proto_text(&node, NODE_INPUT, "picture.size");
    onnx_attribute_int(&node, "axis", 0);
    onnx_add_node(b, &node);
    node = onnx_node("Resize", ONNX_LOGITS, "logits.own_size");
    proto_text(&node, NODE_INPUT, "");
    proto_text(&node, NODE_INPUT, "");
    proto_text(&node, NODE_INPUT, "probability.shape");
    onnx_attribute_text(&node, "mode", "linear");
    onnx_attribute_text(&node, "coordinate_transformation_mode", "half_pixel");
    onnx_add_node(b, &node);
    add_plain(b, "Sigmoid", "logits.own_size", NULL, "probability");
    return onnx_add_integers(b, "one_channel", 1, &one, 1);
}
