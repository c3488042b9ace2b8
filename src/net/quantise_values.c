/* Which values of a network are kept in 8 bits, and their scales. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/quantise.h"
#include "net/weights_reader.h"

enum { NAME_ROOM = 256, ARENA_CHUNK = 1 << 14 };

static const char SCALE[] = ".scale";

/* ---- which values ---------------------------------------------------------------------------------------- */

/* Who reads a value: how often, and the last op that does. */
static int count_readers(int *last, const graph *g, int value)
{
    int count = 0;
    for (int i = 0; i < g->count; i++) {
        for (int k = 0; k < 2; k++) {
            if (g->ops[i].input[k] != value) continue;
            count++;
            *last = i;
        }
    }
    return count;
}

/* Is the value made and used up within one pass: by a batch norm, an addition or a ReLU behind a convolution? An addition
 * joins the later of its two inputs; the earlier one waits in memory. */
static bool is_inner(const graph *g, int value, int reader)
{
    const enum op_kind kind = g->ops[value].kind;
    const op *const o = &g->ops[reader];
    if (kind != OP_CONV && kind != OP_NORM && kind != OP_ADD) return false;
    if (o->kind == OP_ADD) return kind != OP_ADD && value > o->input[0] + o->input[1] - value;
    return o->kind == OP_NORM || o->kind == OP_RELU;
}

void quantise_points(bool *out, const graph *g)
{
    for (int i = 0; i < g->count; i++) {
        const enum op_kind kind = g->ops[i].kind;
        int reader = -1;
        const bool once = count_readers(&reader, g, i) == 1;
        out[i] = !graph_is_output(g, i) && kind != OP_MAX_POOL && kind != OP_UPSAMPLE;
        if (once && is_inner(g, i, reader)) out[i] = false;
        if (once && kind == OP_UPCONV && g->ops[reader].kind == OP_CONCAT) out[i] = false;
    }
}

void quantise_signed(bool *out, const graph *g)
{
    for (int i = 0; i < g->count; i++) {
        const op *const o = &g->ops[i];
        switch (o->kind) {
        case OP_RELU: out[i] = false; break;
        case OP_MAX_POOL:
        case OP_UPSAMPLE: out[i] = out[o->input[0]]; break;
        case OP_CONCAT: out[i] = out[o->input[0]] || out[o->input[1]]; break;
        default: out[i] = true;
        }
    }
}

/* ---- their scales ---------------------------------------------------------------------------------------- */

status quantise_set_values(params *p, const graph *g, const float *scales)
{
    float *const own = arena_take(p->owned, (size_t)g->count, sizeof *own);
    if (own == NULL) return POLYP_ERR_MEMORY;
    for (int i = 0; i < g->count; i++) own[i] = scales[i];
    p->value_scales = own;
    return POLYP_OK;
}

/* NULL: the file has none for this op. */
static const weights_entry *find_scale(const weights_file *file, const op *o)
{
    char name[NAME_ROOM];
    (void)snprintf(name, sizeof name, "%s%s", o->name, SCALE);
    return weights_find(file, name);
}

static status read_scale(float *out, const weights_entry *entry, const op *o, const char *path)
{
    if (entry == NULL) return fail(POLYP_ERR_FORMAT, "%s: tensor %s%s is missing; the file is damaged", path, o->name, SCALE);
    if (entry->dtype != DTYPE_F32 || entry->count != 1) {
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s is %s, not f32 with one value; the file is damaged", path,
                    entry->name, weights_show_shape(entry->rank, entry->shape).text);
    }
    TRY(weights_to_f32(out, entry));
    if (isfinite(*out) && *out > 0) return POLYP_OK;
    return fail(POLYP_ERR_FORMAT, "%s: tensor %s holds %g; a scale is a number above 0; the file is damaged", path,
                entry->name, (double)*out);
}

static status read_scales(params *p, const graph *g, const bool *points, const weights_file *file, const char *path)
{
    float *const scales = arena_take(p->owned, (size_t)g->count, sizeof *scales);
    if (scales == NULL) return POLYP_ERR_MEMORY;
    for (int i = 0; i < g->count; i++) {
        if (points[i]) TRY(read_scale(&scales[i], find_scale(file, &g->ops[i]), &g->ops[i], path));
    }
    p->value_scales = scales;
    return POLYP_OK;
}

/* The part of a name before ".scale" as a parameter or, where `points` has it, as an op. */
static bool is_known(const graph *g, const bool *points, const char *name, size_t length)
{
    for (int i = 0; i < g->params.count; i++) {
        const char *const other = g->params.entries[i].name;
        if (strlen(other) == length && memcmp(other, name, length) == 0) return true;
    }
    for (int i = 0; i < g->count; i++) {
        if (points[i] && strlen(g->ops[i].name) == length && memcmp(g->ops[i].name, name, length) == 0) return true;
    }
    return false;
}

static status check_names(const graph *g, const bool *points, const weights_file *file, const char *path)
{
    for (size_t i = 0; i < file->count; i++) {
        const char *const name = file->entries[i].name;
        const size_t length = strlen(name), tail = strlen(SCALE);
        if (length < tail || strcmp(name + length - tail, SCALE) != 0 || is_known(g, points, name, length - tail)) continue;
        return fail(POLYP_ERR_MISMATCH, "%s: tensor %s is not part of the network", path, weights_show(name, length).text);
    }
    return POLYP_OK;
}

status quantise_attach_values(params *p, const graph *g, const weights_file *file, const char *path)
{
    bool *points, any = false;
    TRY(memory_new(&points, (size_t)g->count));
    quantise_points(points, g);
    for (int i = 0; i < g->count; i++) any = any || (points[i] && find_scale(file, &g->ops[i]) != NULL);
    status result = check_names(g, points, file, path);
    if (result == POLYP_OK && any) result = read_scales(p, g, points, file, path);
    memory_free(points);
    return result;
}
