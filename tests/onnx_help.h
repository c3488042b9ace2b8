/* For tests of exported files: models with random weights, and a plain reader of ONNX files. */
#ifndef POLYP_TESTS_ONNX_HELP_H
#define POLYP_TESTS_ONNX_HELP_H

#include "weights_help.h"

#include "commands.h"
#include "net/onnx.h"
#include "net/protobuf.h"
#include "predict/model.h"

enum { SEED = 11, MOST = 600 };

/* ---- models --------------------------------------------------------------------------------------------- */

/* Values that a mix-up would show. */
static inline void write_model(const char *path, const char *preset, int size)
{
    unet_spec spec;
    graph g = {0};
    params p = {0};
    model_facts facts = model_facts_default(preset);
    facts.size = size;
    facts.threshold = 0.4;
    (void)snprintf(facts.licence, sizeof facts.licence, "CC0");
    assert_ok(unet_preset(&spec, preset));
    assert_ok(unet_build(&g, &spec));
    assert_ok(params_create(&p, &g.params));
    params_initialise(&p, SEED);
    for (int i = 0; i < g.params.count; i++) {
        random_stream r = random_open(SEED, RANDOM_TEST, 5, (uint64_t)i);
        const param *const entry = &g.params.entries[i];
        for (size_t k = 0; k < entry->count && entry->rank == 1; k++) {
            p.flat[entry->offset + k] = (float)random_uniform(&r, 0.5, 1.5);
        }
    }
    assert_ok(model_write(path, &g, &p, &facts));
    params_free(&p);
    graph_free(&g);
}

static inline void export_as(const char *model, const char *out, export_options options)
{
    export_result result;
    options.model = model;
    options.out = out;
    assert_ok(command_export(&result, &options));
}

/* ---- reading ONNX --------------------------------------------------------------------------------------- */

typedef struct text {
    char bytes[96];
} text;

typedef struct read_node {
    text type, inputs[8], output;
    int input_count;
    proto_field attributes[8];
    int attribute_count;
} read_node;

typedef struct read_tensor {
    text name;
    int type, rank;
    int64_t dims[4];
    const unsigned char *data;
    size_t size;
} read_tensor;

typedef struct read_value {
    text name;
    int type, rank;
    int64_t dims[4];  /* -1: named */
    text free_names[4];
} read_value;

typedef struct read_model {
    file_bytes bytes;
    int ir_version, opset;
    read_node nodes[MOST];
    read_tensor tensors[MOST];
    read_value inputs[2], outputs[2];
    int node_count, tensor_count, input_count, output_count;
    weights_text metadata[16];
    text keys[16], values[16];
    int metadata_count;
} read_model;

static inline text text_of(const proto_field *f)
{
    text t = {""};
    assert_true(f->wire == PROTO_BYTES && f->size < sizeof t.bytes);
    memcpy(t.bytes, f->bytes, f->size);
    return t;
}

static inline void read_one_node(read_node *out, const proto_field *field)
{
    proto_reader r = proto_inner(field);
    for (proto_field f; proto_next(&f, &r);) {
        if (f.number == 1) out->inputs[out->input_count++] = text_of(&f);
        if (f.number == 2) out->output = text_of(&f);
        if (f.number == 4) out->type = text_of(&f);
        if (f.number == 5) out->attributes[out->attribute_count++] = f;
    }
    assert_false(r.damaged);
    assert_true(out->input_count <= 8 && out->attribute_count <= 8);
}

static inline void read_one_tensor(read_tensor *out, const proto_field *field)
{
    proto_reader r = proto_inner(field);
    for (proto_field f; proto_next(&f, &r);) {
        if (f.number == 1) out->dims[out->rank++] = (int64_t)f.value;
        if (f.number == 2) out->type = (int)f.value;
        if (f.number == 8) out->name = text_of(&f);
        if (f.number == 9) {
            out->data = f.bytes;
            out->size = f.size;
        }
    }
    assert_false(r.damaged);
}

/* The field `number` of a message. */
static inline proto_field member(const proto_field *message, int number)
{
    proto_reader r = proto_inner(message);
    for (proto_field f; proto_next(&f, &r);) {
        if (f.number == number) return f;
    }
    fail_msg("field %d is missing", number);
    return (proto_field){0};
}

static inline void read_one_value(read_value *out, const proto_field *field)
{
    const proto_field name = member(field, 1), type = member(field, 2), kind = member(&type, 1);
    const proto_field element = member(&kind, 1), sides = member(&kind, 2);
    out->name = text_of(&name);
    out->type = (int)element.value;
    proto_reader r = proto_inner(&sides);
    for (proto_field f; proto_next(&f, &r); out->rank++) {
        proto_reader side = proto_inner(&f);
        proto_field value;
        assert_true(proto_next(&value, &side));
        out->dims[out->rank] = value.number == 1 ? (int64_t)value.value : -1;
        if (value.number == 2) out->free_names[out->rank] = text_of(&value);
    }
}

static inline void read_graph(read_model *m, const proto_field *field)
{
    proto_reader r = proto_inner(field);
    for (proto_field f; proto_next(&f, &r);) {
        if (f.number == 1) read_one_node(&m->nodes[m->node_count++], &f);
        if (f.number == 5) read_one_tensor(&m->tensors[m->tensor_count++], &f);
        if (f.number == 11) read_one_value(&m->inputs[m->input_count++], &f);
        if (f.number == 12) read_one_value(&m->outputs[m->output_count++], &f);
    }
    assert_false(r.damaged);
}

static inline void read_entry(read_model *m, const proto_field *field)
{
    const proto_field key = member(field, 1), value = member(field, 2);
    m->keys[m->metadata_count] = text_of(&key);
    m->values[m->metadata_count++] = text_of(&value);
}

/* Free with file_close(&m->bytes) and free(m). */
static inline read_model *read_onnx(const char *path)
{
    read_model *const m = calloc(1, sizeof *m);
    assert_non_null(m);
    assert_ok(file_map(&m->bytes, path));
    proto_reader r = {m->bytes.data, m->bytes.data + m->bytes.size, false};
    for (proto_field f; proto_next(&f, &r);) {
        if (f.number == 1) m->ir_version = (int)f.value;
        if (f.number == 7) read_graph(m, &f);
        if (f.number == 8) m->opset = (int)member(&f, 2).value;
        if (f.number == 14) read_entry(m, &f);
    }
    assert_false(r.damaged);
    return m;
}

static inline void close_onnx(read_model *m)
{
    file_close(&m->bytes);
    free(m);
}

static inline const read_tensor *tensor_called(const read_model *m, const char *name)
{
    for (int i = 0; i < m->tensor_count; i++) {
        if (strcmp(m->tensors[i].name.bytes, name) == 0) return &m->tensors[i];
    }
    return NULL;
}

static inline int nodes_of_type(const read_model *m, const char *type)
{
    int count = 0;
    for (int i = 0; i < m->node_count; i++) count += strcmp(m->nodes[i].type.bytes, type) == 0;
    return count;
}

static inline const read_node *node_making(const read_model *m, const char *output)
{
    for (int i = 0; i < m->node_count; i++) {
        if (strcmp(m->nodes[i].output.bytes, output) == 0) return &m->nodes[i];
    }
    fail_msg("no node makes %s", output);
    return NULL;
}

/* All whole numbers of an attribute, in a row; its text or type otherwise. */
static inline text attribute(const read_node *n, const char *name)
{
    text out = {""};
    for (int i = 0; i < n->attribute_count; i++) {
        const proto_field field = member(&n->attributes[i], 1);
        if (strcmp(text_of(&field).bytes, name) != 0) continue;
        proto_reader r = proto_inner(&n->attributes[i]);
        for (proto_field f; proto_next(&f, &r);) {
            char part[24];
            if (f.number == 4) return text_of(&f);
            if (f.number != 3 && f.number != 8) continue;
            (void)snprintf(part, sizeof part, "%s%lld", out.bytes[0] ? " " : "", (long long)f.value);
            strcat(out.bytes, part);
        }
        return out;
    }
    fail_msg("%s has no %s", n->output.bytes, name);
    return out;
}

/* Every input is there before its node; every initialiser is used; the outputs are made. */
static inline void check_order(const read_model *m)
{
    static text known[3 * MOST];
    static bool used[MOST];
    int count = 0;
    memset(used, 0, sizeof used);
    known[count++] = (text){""}; /* an input that is left out */
    for (int i = 0; i < m->input_count; i++) known[count++] = m->inputs[i].name;
    const int first = count;
    for (int i = 0; i < m->tensor_count; i++) known[count++] = m->tensors[i].name;
    for (int i = 0; i < m->node_count; i++) {
        for (int k = 0; k < m->nodes[i].input_count; k++) {
            int at = 0;
            while (at < count && strcmp(known[at].bytes, m->nodes[i].inputs[k].bytes) != 0) at++;
            if (at == count) fail_msg("%s is read before it is made", m->nodes[i].inputs[k].bytes);
            if (at >= first && at < first + m->tensor_count) used[at - first] = true;
        }
        for (int k = 0; k < count; k++) assert_string_not_equal(known[k].bytes, m->nodes[i].output.bytes);
        known[count++] = m->nodes[i].output;
    }
    for (int i = 0; i < m->tensor_count; i++) {
        if (!used[i]) fail_msg("nothing reads %s", m->tensors[i].name.bytes);
    }
    for (int i = 0; i < m->output_count; i++) (void)node_making(m, m->outputs[i].name.bytes);
}

#endif
