/* An ONNX file under construction; only onnx*.c include it. Field numbers are those of onnx/onnx.proto3. */
#ifndef POLYP_NET_ONNX_BUILDER_H
#define POLYP_NET_ONNX_BUILDER_H

#include "base/memory.h"
#include "net/onnx.h"
#include "net/protobuf.h"

enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER_NAME = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_DOC_STRING = 6,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    MODEL_METADATA = 14
};
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_F = 2, ATTRIBUTE_I = 3, ATTRIBUTE_S = 4, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { ATTRIBUTE_IS_FLOAT = 1, ATTRIBUTE_IS_INT = 2, ATTRIBUTE_IS_STRING = 3, ATTRIBUTE_IS_INTS = 7 };
enum { TENSOR_DIMS = 1, TENSOR_DATA_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW_DATA = 9 };
enum { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT64 = 7 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TYPE_ELEMENT = 1, TYPE_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_PARAM = 2 };

/* One initialiser: the bytes of its message before its values, then the values. */
typedef struct onnx_tensor {
    proto head;
    const void *data;
    size_t size;        /* bytes */
    const float *scale; /* [rows]: each row of f32 values is multiplied by its own; NULL: as they are */
    size_t rows;
} onnx_tensor;

typedef struct onnx_builder {
    const graph *g;
    const params *weights;
    const onnx_options *options;
    proto body; /* GraphProto without its initialisers */
    onnx_tensor *tensors;
    size_t tensor_count;
    struct arena *arena; /* what folding makes, and constants */
    int *folded;         /* [g->count]: batch norm that goes into this convolution; -1: none */
} onnx_builder;

/* onnx_nodes.c: nodes, inputs and outputs into body, their parameters into tensors. */
#define ONNX_LOGITS "logits"
status onnx_add_nodes(onnx_builder *b);

/* A node under construction: its name is that of its output; further inputs by proto_text(&node, NODE_INPUT, ...). */
proto onnx_node(const char *type, const char *input, const char *output);
void onnx_add_node(onnx_builder *b, proto *node);
void onnx_attribute_int(proto *node, const char *name, int value);
void onnx_attribute_float(proto *node, const char *name, float value);
void onnx_attribute_text(proto *node, const char *name, const char *value);
void onnx_attribute_ints(proto *node, const char *name, const int *values, int count);

/* onnx_pictures.c: from "picture" to the network's input, and from logits to "probability". */
status onnx_add_preparation(onnx_builder *b);
status onnx_add_conclusion(onnx_builder *b);

/* onnx_tensors.c. `data` (and `scale`) must live until the file is written. */
status onnx_add_tensor(onnx_builder *b, const char *name, int type, int rank, const int *dims, const void *data,
                       const float *scale);
/* Parameter `index` of the network under its own name. */
status onnx_add_param(onnx_builder *b, int index);
/* A convolution's weight and bias with the batch norm that follows folded in; `bias_name` is the bias's. */
status onnx_add_folded(onnx_builder *b, const op *conv, const op *norm, const char *bias_name);
status onnx_add_floats(onnx_builder *b, const char *name, int rank, const int *dims, const float *values);
/* rank 0: one value */
status onnx_add_integers(onnx_builder *b, const char *name, int rank, const int *values, int count);

#endif
