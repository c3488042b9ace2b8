/* What an ONNX file says about itself: read field by field, every length checked, nothing kept but a few texts. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "net/onnx_builder.h"

static void copy_text(char *out, size_t room, const proto_field *f)
{
    const size_t length = f->size < room - 1 ? f->size : room - 1;
    for (size_t i = 0; i < length; i++) out[i] = f->bytes[i] >= ' ' && f->bytes[i] < 127 ? (char)f->bytes[i] : '?';
    out[length] = '\0';
}

/* The default domain's version; others (ai.onnx.ml) are passed over. */
static void read_opset(onnx_about *out, const proto_field *opset)
{
    proto_reader r = proto_inner(opset);
    uint64_t version = 0;
    bool is_default = true;
    for (proto_field f; proto_next(&f, &r);) {
        if (f.number == OPSET_DOMAIN && f.wire == PROTO_BYTES) is_default = f.size == 0;
        if (f.number == OPSET_VERSION && f.wire == PROTO_VARINT) version = f.value;
    }
    if (is_default && version <= INT32_MAX) out->opset = (int)version;
}

/* One side of a shape after another, packed into one field or each in its own. */
static void multiply_sides(size_t *values, const proto_field *f)
{
    if (f->wire == PROTO_VARINT && !size_multiply(*values, (size_t)f->value, values)) *values = 0;
    if (f->wire != PROTO_BYTES) return;
    for (size_t i = 0; i < f->size;) {
        size_t side = 0;
        int bits = 0;
        for (; i < f->size && bits < 63; bits += 7) {
            side |= (size_t)(f->bytes[i] & 127) << bits;
            if (f->bytes[i++] < 128) break;
        }
        if (!size_multiply(*values, side, values)) *values = 0;
    }
}

static void read_graph(onnx_about *out, const proto_field *graph_field)
{
    proto_reader r = proto_inner(graph_field);
    for (proto_field f; proto_next(&f, &r);) {
        out->nodes += f.number == GRAPH_NODE;
        if (f.number != GRAPH_INITIALIZER || f.wire != PROTO_BYTES) continue;
        out->initialisers++;
        proto_reader inside = proto_inner(&f);
        size_t values = 1;
        for (proto_field t; proto_next(&t, &inside);) {
            if (t.number == TENSOR_DIMS) multiply_sides(&values, &t);
        }
        if (!size_add(out->values, values, &out->values)) out->values = SIZE_MAX;
    }
}

static void read_entry(const proto_field *entry, void (*each)(void *context, const char *key, const char *value),
                       void *context)
{
    char key[64] = "", value[2048] = "";
    proto_reader r = proto_inner(entry);
    for (proto_field f; proto_next(&f, &r);) {
        if (f.wire != PROTO_BYTES) continue;
        if (f.number == ENTRY_KEY) copy_text(key, sizeof key, &f);
        if (f.number == ENTRY_VALUE) copy_text(value, sizeof value, &f);
    }
    each(context, key, value);
}

static void read_field(onnx_about *out, const proto_field *f)
{
    if (f->wire == PROTO_VARINT && f->number == MODEL_IR_VERSION && f->value <= INT32_MAX) {
        out->ir_version = (int)f->value;
    }
    if (f->wire != PROTO_BYTES) return;
    if (f->number == MODEL_PRODUCER_NAME) copy_text(out->producer, sizeof out->producer, f);
    if (f->number == MODEL_PRODUCER_VERSION) copy_text(out->version, sizeof out->version, f);
    if (f->number == MODEL_OPSET_IMPORT) read_opset(out, f);
    if (f->number == MODEL_GRAPH) read_graph(out, f);
}

/* Sound from the first byte to the last, with a version, operators and a graph? */
static bool is_sound(onnx_about *out, const file_bytes *bytes)
{
    proto_reader r = {bytes->data, bytes->data + bytes->size, false};
    for (proto_field f; proto_next(&f, &r);) read_field(out, &f);
    return !r.damaged && out->ir_version > 0 && out->opset > 0 && out->nodes > 0;
}

status onnx_outline(onnx_about *out, bool *is_onnx, const char *path,
                    void (*each)(void *context, const char *key, const char *value), void *context)
{
    file_bytes bytes = {0};
    TRY(file_map(&bytes, path));
    *out = (onnx_about){.opset = 0};
    *is_onnx = bytes.size > 0 && is_sound(out, &bytes);
    if (*is_onnx && each != NULL) {
        proto_reader r = {bytes.data, bytes.data + bytes.size, false};
        for (proto_field f; proto_next(&f, &r);) {
            if (f.number == MODEL_METADATA && f.wire == PROTO_BYTES) read_entry(&f, each, context);
        }
    }
    file_close(&bytes);
    return POLYP_OK;
}
