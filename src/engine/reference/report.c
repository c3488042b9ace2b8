/* What a reference plan runs, and how long each op takes. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/reference/reference.h"

static const char *const KIND_NAMES[] = {"input", "conv", "norm", "relu", "add", "max_pool", "upconv", "upsample", "concat"};

void reference_describe(const plan *p, FILE *to)
{
    const reference_plan *const r = (const reference_plan *)p;
    for (int i = 0; i < p->graph->count; i++) {
        const op *const o = &p->graph->ops[i];
        const shape s = r->layout.places[i].shape;
        (void)fprintf(to, "%s: %s %dx%dx%dx%d reference\n", o->name, KIND_NAMES[o->kind], s.n, s.c, s.h, s.w);
    }
}

/* Two for each multiply-add; 0 for all but convolutions. */
static double forward_flops(const reference_plan *r, int i)
{
    const op *const o = &r->base.graph->ops[i];
    if (o->kind != OP_CONV && o->kind != OP_UPCONV) return 0;
    const shape in = r->layout.places[o->input[0]].shape;
    const shape places = o->kind == OP_CONV ? r->layout.places[i].shape : in;
    return 2.0 * places.n * places.h * places.w * o->channels * in.c * o->kernel * o->kernel;
}

static int line_count(const plan *p)
{
    return p->options.mode == PLAN_TRAIN ? 2 * p->graph->count : p->graph->count;
}

static void start_line(plan_timing *line, const reference_plan *r, int i, bool backward)
{
    const op *const o = &r->base.graph->ops[i];
    /* backward computes two gradients, unless nobody wants the input's */
    const bool both = o->input[0] >= 0 && r->gradients[o->input[0]] != NULL;
    *line = (plan_timing){.flops = forward_flops(r, i) * (backward && both ? 2 : 1)};
    (void)snprintf(line->name, sizeof line->name, "%s", o->name);
    (void)snprintf(line->kind, sizeof line->kind, "%s%s", KIND_NAMES[o->kind], backward ? " backward" : "");
    (void)snprintf(line->algorithm, sizeof line->algorithm, "reference");
}

status reference_profile(plan *p, bool on)
{
    reference_plan *const r = (reference_plan *)p;
    memory_free(r->timings);
    r->timings = NULL;
    if (!on) return POLYP_OK;
    TRY(memory_new(&r->timings, (size_t)line_count(p)));
    const int ops = p->graph->count;
    for (int i = 0; i < line_count(p); i++) start_line(&r->timings[i], r, i % ops, i >= ops);
    return POLYP_OK;
}

const plan_timing *reference_timings(const plan *p, int *count)
{
    const reference_plan *const r = (const reference_plan *)p;
    *count = r->timings != NULL ? line_count(p) : 0;
    return r->timings;
}

void reference_note_time(reference_plan *r, int i, bool backward, double start)
{
    if (r->timings == NULL) return;
    plan_timing *const line = &r->timings[backward ? r->base.graph->count + i : i];
    line->seconds += clock_seconds() - start;
    line->runs++;
}
