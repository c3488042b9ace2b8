/* Initialisers: parameters as they lie in the model's file, folded ones, and small constants. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/onnx_builder.h"

enum { GROWTH = 64 };

static size_t product(int rank, const int *dims)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
    return count;
}

/* TensorProto up to its values. */
static proto tensor_head(const char *name, int type, int rank, const int *dims, size_t size)
{
    proto content = {0}, head = {0};
    for (int i = 0; i < rank; i++) proto_number(&content, TENSOR_DIMS, (uint64_t)dims[i]);
    proto_number(&content, TENSOR_DATA_TYPE, (uint64_t)type);
    proto_text(&content, TENSOR_NAME, name);
    proto_open(&content, TENSOR_RAW_DATA, size);
    proto_open(&head, GRAPH_INITIALIZER, content.size + size);
    proto_append(&head, content.bytes, content.size);
    if (head.failure == POLYP_OK) head.failure = content.failure;
    proto_free(&content);
    return head;
}

status onnx_add_tensor(onnx_builder *b, const char *name, int type, int rank, const int *dims, const void *data,
                       const float *scale)
{
    if (b->tensor_count % GROWTH == 0) TRY(memory_resize(&b->tensors, b->tensor_count, b->tensor_count + GROWTH));
    const size_t size = product(rank, dims) * (type == ONNX_INT64 ? sizeof(int64_t) : sizeof(float));
    onnx_tensor *const t = &b->tensors[b->tensor_count++];
    *t = (onnx_tensor){tensor_head(name, type, rank, dims, size), data, size, scale, scale == NULL ? 0 : (size_t)dims[0]};
    return t->head.failure;
}

status onnx_add_param(onnx_builder *b, int index)
{
    const param *const entry = &b->g->params.entries[index];
    return onnx_add_tensor(b, entry->name, ONNX_FLOAT, entry->rank, entry->shape, params_f32(b->weights, index), NULL);
}

/* What the batch norm does to channel c of its input: y = scale x + shift. */
typedef struct affine {
    double scale, shift;
} affine;

static affine affine_of(const onnx_builder *b, const op *norm, int c)
{
    const float *const gamma = params_f32(b->weights, norm->param), *const beta = params_f32(b->weights, norm->param + 1);
    const float *const mean = params_f32(b->weights, norm->param + 2);
    const float *const variance = params_f32(b->weights, norm->param + 3);
    const double scale = (double)gamma[c] / sqrt((double)variance[c] + (double)NORM_EPSILON);
    return (affine){scale, (double)beta[c] - (double)mean[c] * scale};
}

status onnx_add_folded(onnx_builder *b, const op *conv, const op *norm, const char *bias_name)
{
    const param *const weight = &b->g->params.entries[conv->param];
    const size_t channels = (size_t)conv->channels;
    float *const scale = arena_take(b->arena, channels, sizeof *scale);
    float *const bias = arena_take(b->arena, channels, sizeof *bias);
    if (scale == NULL || bias == NULL) return POLYP_ERR_MEMORY;
    for (int c = 0; c < conv->channels; c++) {
        const affine a = affine_of(b, norm, c);
        const double own = conv->has_bias ? (double)params_f32(b->weights, conv->param + 1)[c] : 0;
        scale[c] = (float)a.scale;
        bias[c] = (float)(a.shift + own * a.scale);
    }
    TRY(onnx_add_tensor(b, weight->name, ONNX_FLOAT, weight->rank, weight->shape, params_f32(b->weights, conv->param),
                        scale));
    return onnx_add_tensor(b, bias_name, ONNX_FLOAT, 1, &conv->channels, bias, NULL);
}

status onnx_add_floats(onnx_builder *b, const char *name, int rank, const int *dims, const float *values)
{
    const size_t count = product(rank, dims);
    float *const kept = arena_take(b->arena, count, sizeof *kept);
    if (kept == NULL) return POLYP_ERR_MEMORY;
    memcpy(kept, values, count * sizeof *kept);
    return onnx_add_tensor(b, name, ONNX_FLOAT, rank, dims, kept, NULL);
}

status onnx_add_integers(onnx_builder *b, const char *name, int rank, const int *values, int count)
{
    int64_t *const kept = arena_take(b->arena, (size_t)count, sizeof *kept);
    if (kept == NULL) return POLYP_ERR_MEMORY;
    for (int i = 0; i < count; i++) kept[i] = values[i];
    return onnx_add_tensor(b, name, ONNX_INT64, rank, &count, kept, NULL);
}
