/* The ONNX file as a whole: what is folded, how long each part is, and the writing, tensor by tensor. */
#include "net/onnx.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "net/onnx_builder.h"

enum { IR_VERSION = 8, ARENA_CHUNK = 64 * 1024 };

/* ---- what to fold --------------------------------------------------------------------------------------- */

/* A batch norm goes into the convolution before it when nothing else reads the convolution. */
static status find_folds(onnx_builder *b)
{
    const graph *const g = b->g;
    int *readers = NULL;
    TRY(memory_new(&b->folded, (size_t)g->count));
    TRY(memory_new(&readers, (size_t)g->count));
    for (int i = 0; i < g->count; i++) {
        for (int k = 0; k < 2; k++) {
            if (g->ops[i].input[k] >= 0) readers[g->ops[i].input[k]]++;
        }
    }
    for (int i = 0; i < g->count; i++) b->folded[i] = -1;
    for (int i = 0; i < g->count && !b->options->keep_norm; i++) {
        const int conv = g->ops[i].input[0];
        if (g->ops[i].kind != OP_NORM || g->ops[conv].kind != OP_CONV || readers[conv] != 1) continue;
        if (conv != g->output) b->folded[conv] = i;
    }
    memory_free(readers);
    return POLYP_OK;
}

static status check_weights(const params *weights)
{
    for (int i = 0; i < weights->table->count; i++) {
        if (weights->dtype[i] == DTYPE_F32) continue;
        return fail(POLYP_ERR_UNSUPPORTED, "tensor %s is not f32; export the model that the smaller one was made from",
                    weights->table->entries[i].name);
    }
    return params_check_finite(weights, 1);
}

/* ---- writing -------------------------------------------------------------------------------------------- */

/* The graph's length, which stands before it. */
static status graph_size(size_t *out, const onnx_builder *b)
{
    size_t size = b->body.size;
    for (size_t i = 0; i < b->tensor_count; i++) size += b->tensors[i].head.size + b->tensors[i].size;
    if (size > INT32_MAX) {
        return fail(POLYP_ERR_SIZE, "the network has %zu bytes, more than the 2 GiB that an ONNX file can hold", size);
    }
    *out = size;
    return POLYP_OK;
}

/* Everything before the graph's first byte. */
static status model_head(proto *out, const onnx_builder *b)
{
    size_t size = 0;
    proto opset = {0};
    TRY(graph_size(&size, b));
    proto_number(out, MODEL_IR_VERSION, IR_VERSION);
    proto_text(out, MODEL_PRODUCER_NAME, "polyp");
    proto_text(out, MODEL_PRODUCER_VERSION, polyp_version());
    proto_text(out, MODEL_DOC_STRING, b->options->description);
    proto_text(&opset, OPSET_DOMAIN, "");
    proto_number(&opset, OPSET_VERSION, ONNX_OPSET);
    proto_message(out, MODEL_OPSET_IMPORT, &opset);
    for (size_t i = 0; i < b->options->metadata_count; i++) {
        proto entry = {0};
        proto_text(&entry, ENTRY_KEY, b->options->metadata[i].key);
        proto_text(&entry, ENTRY_VALUE, b->options->metadata[i].value);
        proto_message(out, MODEL_METADATA, &entry);
    }
    proto_open(out, MODEL_GRAPH, size);
    return out->failure;
}

static status write_scaled(file_writer *w, const onnx_tensor *t)
{
    const size_t row = t->size / sizeof(float) / t->rows;
    const float *const values = t->data;
    float *scaled = NULL;
    status result = memory_new(&scaled, row);
    for (size_t r = 0; r < t->rows && result == POLYP_OK; r++) {
        for (size_t i = 0; i < row; i++) scaled[i] = t->scale[r] * values[r * row + i];
        result = file_write(w, scaled, row * sizeof *scaled);
    }
    memory_free(scaled);
    return result;
}

static status write_tensors(file_writer *w, const onnx_builder *b)
{
    for (size_t i = 0; i < b->tensor_count; i++) {
        const onnx_tensor *const t = &b->tensors[i];
        TRY(file_write(w, t->head.bytes, t->head.size));
        TRY(t->scale == NULL ? file_write(w, t->data, t->size) : write_scaled(w, t));
    }
    return POLYP_OK;
}

static status write_file(const char *path, const proto *head, const onnx_builder *b)
{
    file_writer *w = NULL;
    status result;
    TRY(file_create(&w, path));
    TRY_DONE(file_write(w, head->bytes, head->size));
    TRY_DONE(file_write(w, b->body.bytes, b->body.size));
    TRY_DONE(write_tensors(w, b));
    result = file_commit(w);
    w = NULL;
done:
    file_abandon(w);
    return result;
}

status onnx_write(const char *path, const graph *g, const params *weights, const onnx_options *options)
{
    onnx_builder b = {.g = g, .weights = weights, .options = options};
    proto head = {0};
    status result;
    TRY(check_weights(weights));
    TRY_DONE(arena_create(&b.arena, ARENA_CHUNK));
    TRY_DONE(find_folds(&b));
    TRY_DONE(onnx_add_nodes(&b));
    TRY_DONE(model_head(&head, &b));
    result = write_file(path, &head, &b);
done:
    proto_free(&head);
    proto_free(&b.body);
    for (size_t i = 0; i < b.tensor_count; i++) proto_free(&b.tensors[i].head);
    memory_free(b.tensors);
    memory_free(b.folded);
    arena_destroy(b.arena);
    return result;
}
