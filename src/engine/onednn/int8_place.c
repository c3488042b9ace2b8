/*
 * Where every value of an int8 plan lies. What a transposed convolution makes for a concatenation is written into it;
 * other parts are copied, because they have another scale. A residual sum is made in place of its addend.
 */
#include "engine/onednn/int8.h"

unsigned char *byte_at(const byte_plan *p, int value)
{
    const byte_place at = p->places[value];
    return p->arena + p->blocks[at.buffer].offset + at.first;
}

size_t byte_stride(const byte_plan *p, int value)
{
    return (size_t)p->block_channels[p->places[value].buffer];
}

/* ---- buffers --------------------------------------------------------------------------------------------- */

static status buffer_add(byte_plan *p, int *out, shape padded)
{
    if (p->block_count == p->block_room) {
        const size_t old = (size_t)p->block_room, room = old + 128;
        TRY(memory_resize(&p->blocks, old, room));
        TRY(memory_resize(&p->block_channels, old, room));
        p->block_room = (int)room;
    }
    p->blocks[p->block_count] = (memory_block){.bytes = shape_count(padded), .first = -1, .last = -1};
    p->block_channels[p->block_count] = padded.c;
    *out = p->block_count++;
    return POLYP_OK;
}

static void used(byte_plan *p, int buffer, int time)
{
    if (buffer < 0) return;
    memory_block *const b = &p->blocks[buffer];
    if (b->first < 0 || time < b->first) b->first = time;
    if (time > b->last) b->last = time;
}

/* ---- readers --------------------------------------------------------------------------------------------- */

typedef struct readers {
    int *count, *last; /* [graph count]: units that read each value, and the last of them */
} readers;

static void reads(readers *r, int value, int unit_index)
{
    if (value < 0) return;
    r->count[value]++;
    r->last[value] = unit_index;
}

static status count_readers(readers *r, const byte_plan *p)
{
    TRY(memory_new(&r->count, (size_t)p->base.graph->count));
    TRY(memory_new(&r->last, (size_t)p->base.graph->count));
    for (int i = 0; i < p->count; i++) {
        const unit *const u = &p->works[i].u;
        reads(r, u->source[0], i);
        if (u->core == CORE_CONCAT) reads(r, u->source[1], i);
        reads(r, u->residual, i);
    }
    return POLYP_OK;
}

/* ---- places ---------------------------------------------------------------------------------------------- */

/* Part k of a concatenation is written there at once when its maker can write into a wider tensor. */
static void place_part(byte_plan *p, byte_work *w, int k, const readers *r)
{
    const int part = w->u.source[k], producer = p->units.producer[part];
    const enum core core = producer < 0 ? CORE_NONE : p->units.units[producer].core;
    byte_place at = p->places[w->u.value];
    if (k == 1) at.first += byte_shape(p, w->u.source[0]).c;
    if ((core == CORE_UPCONV || core == CORE_UPSAMPLE) && r->count[part] == 1) {
        p->places[part] = at;
    } else {
        w->copy_part[k] = true;
    }
}

static void place_residual(byte_plan *p, byte_work *w, int index, const readers *r)
{
    const int addend = w->u.residual;
    const bool free = p->places[addend].buffer < 0 && addend != 0 && addend != w->u.source[0];
    if (free && r->last[addend] == index) {
        p->places[addend] = p->places[w->u.value];
    } else {
        w->copy_residual = true;
    }
}

/* From the last unit to the first: readers decide where their sources lie. */
static status place_all(byte_plan *p, const readers *r)
{
    for (int v = 0; v < p->base.graph->count; v++) p->places[v] = (byte_place){-1, 0};
    for (int i = p->count - 1; i >= 0; i--) {
        byte_work *const w = &p->works[i];
        byte_place *const at = &p->places[w->u.value];
        w->groups = -1;
        if (!w->head && at->buffer < 0) TRY(buffer_add(p, &at->buffer, w->out));
        if (w->u.core == CORE_CONCAT) {
            place_part(p, w, 0, r);
            place_part(p, w, 1, r);
        }
        if (w->u.residual >= 0) place_residual(p, w, i, r);
        const shape groups = {w->in.n, 4 * w->out.c, w->in.h, w->in.w};
        if (w->u.core == CORE_UPCONV) TRY(buffer_add(p, &w->groups, groups));
    }
    return buffer_add(p, &p->places[0].buffer, byte_shape(p, 0));
}

static void set_lifetimes(byte_plan *p)
{
    used(p, p->places[0].buffer, 0);
    for (int i = 0; i < p->count; i++) {
        const byte_work *const w = &p->works[i];
        used(p, p->places[w->u.value].buffer, i + 1);
        used(p, p->places[w->u.source[0]].buffer, i + 1);
        if (w->u.core == CORE_CONCAT) used(p, p->places[w->u.source[1]].buffer, i + 1);
        if (w->u.residual >= 0) used(p, p->places[w->u.residual].buffer, i + 1);
        used(p, w->groups, i + 1);
    }
}

status int8_place(byte_plan *p)
{
    readers r = {0};
    status result = count_readers(&r, p);
    if (result == POLYP_OK) result = place_all(p, &r);
    memory_free(r.count);
    memory_free(r.last);
    if (result != POLYP_OK) return result;
    set_lifetimes(p);
    return plan_memory_assign(p->blocks, p->block_count, &p->arena_bytes);
}
