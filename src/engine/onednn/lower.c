/* Graph to units: each op starts a unit or is absorbed by the one before it. */
#include "engine/onednn/lower.h"

#include "base/memory.h"

enum { PRODUCER_INPUT = -1, PRODUCER_NONE = -2 };

/* Who reads each value: how many times, and the last op that does. */
typedef struct reading {
    int *count, *by;
} reading;

static status count_readings(reading *out, const graph *g)
{
    TRY(memory_new(&out->count, (size_t)g->count));
    TRY(memory_new(&out->by, (size_t)g->count));
    for (int i = 0; i < g->count; i++) {
        for (int k = 0; k < 2; k++) {
            const int v = g->ops[i].input[k];
            if (v < 0) continue;
            out->count[v]++;
            out->by[v] = i;
        }
    }
    return POLYP_OK;
}

static enum core core_of(enum op_kind kind)
{
    switch (kind) {
    case OP_CONV: return CORE_CONV;
    case OP_UPCONV: return CORE_UPCONV;
    case OP_MAX_POOL: return CORE_POOL;
    case OP_CONCAT: return CORE_CONCAT;
    case OP_UPSAMPLE: return CORE_UPSAMPLE;
    default: return CORE_NONE;
    }
}

/* Take op `i` into the unit when batch norm, addition and ReLU stay in this order and the addend is already there. */
static bool absorb(unit *u, const graph *g, const lowered *l, int i)
{
    const op *const o = &g->ops[i];
    if (o->kind == OP_NORM && !unit_has_tail(u)) {
        u->norm_op = i;
    } else if (o->kind == OP_ADD && u->residual < 0 && !u->relu) {
        const int other = o->input[0] == u->value ? o->input[1] : o->input[0];
        if (l->producer[other] == PRODUCER_NONE) return false;
        u->residual = other;
    } else if (o->kind == OP_RELU && !u->relu) {
        u->relu = true;
    } else {
        return false;
    }
    u->value = i;
    return true;
}

/* The unit that op `i` starts, with all that follows it and fits. */
static unit grow(const graph *g, const lowered *l, const reading *r, int i)
{
    const op *const o = &g->ops[i];
    unit u = {.core = core_of(o->kind),
              .core_op = i,
              .norm_op = -1,
              .source = {o->input[0], o->input[1]},
              .residual = -1,
              .value = i};
    if (u.core == CORE_NONE) {
        u.core_op = -1;
        u.source[1] = -1;
        u.value = o->input[0];
        (void)absorb(&u, g, l, i);
    }
    while ((u.core == CORE_CONV || u.core == CORE_NONE) && !graph_is_output(g, u.value) && r->count[u.value] == 1) {
        if (!absorb(&u, g, l, r->by[u.value])) break;
    }
    return u;
}

/* Mark the ops between the unit's start and its value as computed. */
static void take(bool *taken, const graph *g, const unit *u)
{
    int i = u->value;
    while (i != u->core_op && i != u->source[0]) {
        taken[i] = true;
        const op *const o = &g->ops[i];
        i = o->kind == OP_ADD && o->input[0] == u->residual ? o->input[1] : o->input[0];
    }
    if (u->core_op >= 0) taken[u->core_op] = true;
}

static void make_units(lowered *out, const graph *g, const reading *r, bool *taken)
{
    for (int i = 0; i < g->count; i++) out->producer[i] = PRODUCER_NONE;
    out->producer[0] = PRODUCER_INPUT;
    for (int i = 0; i < g->count; i++) {
        if (taken[i] || g->ops[i].kind == OP_INPUT) continue;
        const unit u = grow(g, out, r, i);
        take(taken, g, &u);
        out->producer[u.value] = out->count;
        out->units[out->count++] = u;
    }
}

static int round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}

static status fresh_map(channel_map *out, int channels, int lanes)
{
    out->channels = channels;
    out->padded = round_up(channels, lanes);
    TRY(memory_new(&out->map, (size_t)channels));
    for (int c = 0; c < channels; c++) out->map[c] = c;
    return POLYP_OK;
}

static status joined_map(channel_map *out, const channel_map *a, const channel_map *b)
{
    out->channels = a->channels + b->channels;
    out->padded = a->padded + b->padded;
    TRY(memory_new(&out->map, (size_t)out->channels));
    for (int c = 0; c < a->channels; c++) out->map[c] = a->map[c];
    for (int c = 0; c < b->channels; c++) out->map[a->channels + c] = a->padded + b->map[c];
    return POLYP_OK;
}

static bool same_map(const channel_map *a, const channel_map *b)
{
    if (a->channels != b->channels || a->padded != b->padded) return false;
    for (int c = 0; c < a->channels; c++) {
        if (a->map[c] != b->map[c]) return false;
    }
    return true;
}

static status map_of_unit(lowered *l, const graph *g, const unit *u, int lanes)
{
    channel_map *const out = &l->channels[u->value];
    const channel_map *const source = &l->channels[u->source[0]];
    if (u->core == CORE_CONCAT) {
        TRY(joined_map(out, source, &l->channels[u->source[1]]));
    } else if (u->core == CORE_POOL || u->core == CORE_UPSAMPLE || u->core == CORE_NONE) {
        /* these keep their source's channels as they lie */
        const channel_map nothing = {0};
        TRY(joined_map(out, source, &nothing));
    } else {
        TRY(fresh_map(out, g->ops[u->value].channels, lanes));
    }
    if (u->residual < 0 || same_map(out, &l->channels[u->residual])) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED,
                "%s: the onednn engine cannot add a concatenation of uneven channels; use the "
                "reference engine",
                g->ops[u->value].name);
}

status lower(lowered *out, const graph *g, int lanes)
{
    const size_t count = (size_t)g->count;
    lowered l = {0};
    reading r = {0};
    bool *taken = NULL;
    status result = memory_new(&taken, count);
    if (result != POLYP_OK) goto done;
    TRY_DONE(memory_new(&l.units, count));
    TRY_DONE(memory_new(&l.channels, count));
    TRY_DONE(memory_new(&l.producer, count));
    TRY_DONE(count_readings(&r, g));
    make_units(&l, g, &r, taken);
    TRY_DONE(fresh_map(&l.channels[0], g->ops[0].channels, lanes));
    for (int i = 0; i < l.count; i++) TRY_DONE(map_of_unit(&l, g, &l.units[i], lanes));
    *out = l;
done:
    if (result != POLYP_OK) lowered_free(&l, g);
    memory_free(r.count);
    memory_free(r.by);
    memory_free(taken);
    return result;
}

void lowered_free(lowered *l, const graph *g)
{
    if (l->channels != NULL) {
        for (int i = 0; i < g->count; i++) memory_free(l->channels[i].map);
    }
    memory_free(l->channels);
    memory_free(l->units);
    memory_free(l->producer);
    *l = (lowered){0};
}

/* ---- convolutions --------------------------------------------------------------------------------------- */

conv_spec unit_conv_spec(const unit *u, const graph *g, shape in, shape out)
{
    const op *const o = &g->ops[u->core_op];
    conv_spec s = {.n = in.n, .ic = in.c, .ih = in.h, .iw = in.w};
    if (u->core == CORE_UPCONV) {
        s.oc = 4 * out.c;
        s.oh = in.h;
        s.ow = in.w;
        s.kernel = 1;
        s.stride = 1;
        return s;
    }
    s.oc = out.c;
    s.oh = out.h;
    s.ow = out.w;
    s.kernel = o->kernel;
    s.stride = o->stride;
    s.padding = o->padding;
    return s;
}
