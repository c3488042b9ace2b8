/* Lifetimes of values and gradients, and the sizes that follow from them. */
#include "engine/reference/layout.h"

#include "base/memory.h"
#include "engine/engine_impl.h"

static status set_shapes(layout *l, const graph *g, shape input)
{
    status result;
    shape *shapes = NULL;
    TRY_DONE(memory_new(&shapes, (size_t)g->count));
    TRY_DONE(graph_shapes(g, input, shapes));
    for (int i = 0; i < g->count; i++) l->places[i].shape = shapes[i];
done:
    memory_free(shapes);
    return result;
}

/* Gradients are wanted of whatever an output is computed from, except the picture. */
static void find_gradients(layout *l, const graph *g)
{
    value_place *const places = l->places;
    for (int i = 0; i < g->count; i++) places[i].first_backward = -1;
    for (int k = 0; k <= g->auxiliary_count; k++) {
        const int output = graph_output(g, k);
        places[output].wants_gradient = g->ops[output].kind != OP_INPUT;
    }
    for (int i = g->count - 1; i >= 0; i--) {
        if (!places[i].wants_gradient) continue;
        for (int k = 0; k < 2; k++) {
            const int read = g->ops[i].input[k];
            if (read < 0 || g->ops[read].kind == OP_INPUT) continue;
            places[read].wants_gradient = true;
            if (places[read].first_backward < i) places[read].first_backward = i;
        }
    }
}

/* Moments: op i runs forward at i; the backward pass begins at count and runs op i at 2 count - i. */
static void set_lifetimes(layout *l, const graph *g, enum plan_mode mode)
{
    const int count = g->count, end = 2 * count;
    for (int i = 0; i < count; i++) {
        const size_t bytes = shape_count(l->places[i].shape) * sizeof(float);
        /* The picture stays, so that a second forward pass sees it again. Training reads all values once more. */
        const bool stays = mode == PLAN_TRAIN || graph_is_output(g, i) || g->ops[i].kind == OP_INPUT;
        l->blocks[i] = (memory_block){bytes, g->ops[i].kind == OP_INPUT ? 0 : i, stays ? end : i, 0};
        for (int k = 0; k < 2; k++) {
            const int read = g->ops[i].input[k];
            if (read >= 0 && l->blocks[read].last < i) l->blocks[read].last = i;
        }
        const bool backward = mode == PLAN_TRAIN && l->places[i].wants_gradient;
        const int first = graph_is_output(g, i) ? count : end - l->places[i].first_backward;
        l->blocks[count + i] = (memory_block){0};
        if (backward) l->blocks[count + i] = (memory_block){bytes, first, end - i, 0};
    }
}

static void set_slots(layout *l, const param_table *table)
{
    for (int i = 0; i < table->count; i++) {
        const param *const entry = &table->entries[i];
        if (entry->trained) {
            l->slots[i] = (plan_slot){l->trained, entry->count};
            l->trained += entry->count;
        } else {
            l->running += entry->count;
        }
    }
}

static status set_bytes(layout *l, const plan_options *options)
{
    const size_t spans = options->mode == PLAN_TRAIN ? plan_span_count(options) : 1;
    size_t values;
    if (!size_multiply(l->trained, spans, &values) || !size_add(values, l->running, &values) ||
        !size_multiply(values, sizeof(float), &values) || !size_add(values, l->arena_bytes, &l->bytes)) {
        return fail(POLYP_ERR_SIZE, "the network does not fit this machine's memory");
    }
    return POLYP_OK;
}

status layout_make(layout *out, const graph *g, shape input, const plan_options *options)
{
    const size_t count = (size_t)g->count;
    TRY(memory_new(&out->places, count));
    TRY(memory_new(&out->blocks, 2 * count));
    TRY(memory_new(&out->slots, (size_t)g->params.count));
    TRY(set_shapes(out, g, input));
    find_gradients(out, g);
    set_lifetimes(out, g, options->mode);
    TRY(plan_memory_assign(out->blocks, 2 * g->count, &out->arena_bytes));
    set_slots(out, &g->params);
    return set_bytes(out, options);
}

void layout_free(layout *l)
{
    memory_free(l->places);
    memory_free(l->blocks);
    memory_free(l->slots);
    *l = (layout){0};
}
