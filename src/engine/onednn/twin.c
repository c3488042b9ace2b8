/* A second inference plan over the first one's tables and prepared weights: primitives, arena and pictures are its own.
 * oneDNN's memory objects say where a run reads and writes, so no primitive is shared; their code is made only once. */
#include "engine/each.h"
#include "engine/onednn/inside.h"
#include "engine/onednn/int8.h"

/* ---- f32 and bf16 -------------------------------------------------------------------------------------- */

/* A copy that owns nothing yet. */
static status copy_floats(onednn_plan **out, const onednn_plan *of)
{
    onednn_plan *p;
    TRY(memory_new(&p, 1));
    *p = *of;
    p->twin = true;
    p->library = NULL;
    p->works = NULL;
    p->arena = NULL;
    p->input = NULL;
    p->narrow_input = NULL;
    p->partials = NULL;
    p->timings = p->reported = NULL;
    p->profiling = false;
    for (int k = 0; k < GRAPH_OUTPUTS; k++) p->outputs[k] = NULL;
    *out = p;
    return POLYP_OK;
}

/* The twin while it is made, and the first plan. */
typedef struct float_pair {
    onednn_plan *p;
    const onednn_plan *of;
} float_pair;

static status copy_work(void *context, int i)
{
    const float_pair *const pair = context;
    work *const w = &pair->p->works[i];
    *w = pair->of->works[i];
    w->load = NULL;
    if (w->forward == NULL) return POLYP_OK;
    w->forward = NULL;
    return dnn_conv_open(&w->forward, pair->p->library, &w->spec, CONV_INFER);
}

status onednn_twin(plan **out, const plan *base)
{
    const onednn_plan *const of = inside_const(base);
    onednn_plan *p;
    status result;
    TRY(copy_floats(&p, of));
    dnn_use_threads(base->options.threads);
    TRY_DONE(dnn_open(&p->library));
    TRY_DONE(memory_new(&p->works, (size_t)p->count + 1));
    TRY_DONE(each_in_parallel(copy_work, &(float_pair){p, of}, p->count, base->options.load_threads));
    TRY_DONE(build_memory(p));
    *out = &p->base;
    return POLYP_OK;
done:
    plan_destroy(&p->base);
    return result;
}

/* ---- int8 ---------------------------------------------------------------------------------------------- */

static status copy_bytes(byte_plan **out, const byte_plan *of)
{
    byte_plan *p;
    TRY(memory_new(&p, 1));
    *p = *of;
    p->twin = true;
    p->library = NULL;
    p->works = NULL;
    p->arena = NULL;
    p->input = NULL;
    p->scratch = NULL;
    p->timings = p->reported = NULL;
    for (int k = 0; k < GRAPH_OUTPUTS; k++) p->outputs[k] = NULL;
    *out = p;
    return POLYP_OK;
}

typedef struct byte_pair {
    byte_plan *p;
    const byte_plan *of;
} byte_pair;

static status copy_byte_work(void *context, int i)
{
    const byte_pair *const pair = context;
    byte_work *const w = &pair->p->works[i];
    *w = pair->of->works[i];
    if (w->conv == NULL) return POLYP_OK;
    w->conv = NULL;
    return dnn_conv_open(&w->conv, pair->p->library, &w->spec, CONV_INFER);
}

status int8_twin(plan **out, const plan *base)
{
    const byte_plan *const of = bytes_of_const(base);
    byte_plan *p;
    unsigned char *scratch = NULL;
    status result;
    TRY(copy_bytes(&p, of));
    dnn_use_threads(base->options.threads);
    TRY_DONE(dnn_open(&p->library));
    TRY_DONE(memory_new(&p->works, (size_t)p->count + 1));
    TRY_DONE(each_in_parallel(copy_byte_work, &(byte_pair){p, of}, p->count, base->options.load_threads));
    TRY_DONE(int8_memory(p));
    TRY_DONE(memory_new(&scratch, p->scratch_bytes));
    p->scratch = scratch;
    *out = &p->base;
    return POLYP_OK;
done:
    plan_destroy(&p->base);
    return result;
}
