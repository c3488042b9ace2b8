/* What a plan runs, and how long each part takes. */
#include <time.h>

#include "engine/onednn/inside.h"

static const char *const TIMED_NAMES[TIMED_KINDS] = {"forward", "forward pass", "backward pass", "backward data",
                                                     "backward weights"};

static const dnn_conv *conv_of(const work *w, enum timed kind)
{
    switch (kind) {
    case TIMED_FORWARD: return w->forward;
    case TIMED_BACKWARD_DATA: return w->backward_data;
    case TIMED_BACKWARD_WEIGHTS: return w->backward_weights;
    default: return NULL;
    }
}

static const winograd_way *winograd_of(const work *w, enum timed kind)
{
    switch (kind) {
    case TIMED_FORWARD: return w->winograd;
    case TIMED_BACKWARD_DATA: return w->winograd_data;
    case TIMED_BACKWARD_WEIGHTS: return w->winograd_weights;
    default: return NULL;
    }
}

/* Is this a convolution that the plan runs? */
static bool convolves(const onednn_plan *p, const work *w, enum timed kind)
{
    if (winograd_of(w, kind) != NULL) return true;
    if (w->dot < 0) return conv_of(w, kind) != NULL;
    if (kind == TIMED_BACKWARD_DATA) return p->training && w->source_gradient.buffer >= 0;
    return kind == TIMED_FORWARD || (p->training && kind == TIMED_BACKWARD_WEIGHTS);
}

static const char *algorithm_of(const work *w, enum timed kind)
{
    if (w->dot >= 0) return "dot product";
    if (winograd_of(w, kind) != NULL) return winograd_of(w, kind)->name;
    if (kind == TIMED_BACKWARD_WEIGHTS && w->slow_weights) return "tiny";
    return dnn_conv_name(conv_of(w, kind));
}

void report_describe(const plan *base, FILE *to)
{
    const onednn_plan *const p = inside_const(base);
    for (int i = 0; i < p->count; i++) {
        const work *const w = &p->works[i];
        for (int k = 0; k < TIMED_KINDS; k++) {
            if (!convolves(p, w, (enum timed)k)) continue;
            const op *const o = &base->graph->ops[w->u.core_op];
            (void)fprintf(to, "%s: %s %s %dx%dx%dx%d -> %dx%dx%d %s\n", o->name,
                          w->u.core == CORE_UPCONV ? "upconv" : "conv", TIMED_NAMES[k], w->spec.n, w->spec.ic,
                          w->spec.ih, w->spec.iw, w->dot >= 0 ? 1 : w->spec.oc, w->spec.oh, w->spec.ow,
                          algorithm_of(w, (enum timed)k));
        }
    }
}

double timer_start(const onednn_plan *p)
{
    if (!p->profiling) return 0;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void timer_stop(onednn_plan *p, const work *w, enum timed kind, double start)
{
    if (!p->profiling) return;
    plan_timing *const t = &p->timings[(w - p->works) * TIMED_KINDS + (int)kind];
    t->seconds += timer_start(p) - start;
    t->runs++;
}

static void name_timing(const onednn_plan *p, plan_timing *t, const work *w, enum timed kind)
{
    static const char *const CORES[] = {"elementwise", "convolution", "deal", "max pool", "concatenate",
                                         "upsample"};
    const bool convolution = convolves(p, w, kind);
    const int op_index = w->u.core_op >= 0 ? w->u.core_op : w->u.value;
    *t = (plan_timing){.flops = convolution ? w->flops : 0, .bytes = traffic_bytes(p, w, kind)};
    (void)snprintf(t->name, sizeof t->name, "%s", p->base.graph->ops[op_index].name);
    (void)snprintf(t->kind, sizeof t->kind, "%s", TIMED_NAMES[kind]);
    (void)snprintf(t->algorithm, sizeof t->algorithm, "%s",
                   convolution         ? algorithm_of(w, kind)
                   : w->u.norm_op >= 0 ? "batch norm"
                                       : CORES[w->u.core]);
}

status report_profile(plan *base, bool on)
{
    onednn_plan *const p = inside(base);
    const size_t lines = (size_t)p->count * TIMED_KINDS + 1;
    if (p->timings == NULL) TRY(memory_new(&p->timings, lines));
    if (p->reported == NULL) TRY(memory_new(&p->reported, lines));
    for (int i = 0; i < p->count; i++) {
        for (int k = 0; k < TIMED_KINDS; k++) {
            name_timing(p, &p->timings[i * TIMED_KINDS + k], &p->works[i], (enum timed)k);
        }
    }
    p->timings[lines - 1] = (plan_timing){
        .name = "all parameters", .kind = "step", .algorithm = "AdamW", .bytes = traffic_step_bytes(p)};
    p->profiling = on;
    return POLYP_OK;
}

const plan_timing *report_timings(const plan *base, int *count)
{
    const onednn_plan *const p = inside_const(base);
    *count = 0;
    if (p->timings == NULL) return NULL;
    for (int i = 0; i <= p->count * TIMED_KINDS; i++) {
        if (p->timings[i].runs > 0) p->reported[(*count)++] = p->timings[i];
    }
    return p->reported;
}
