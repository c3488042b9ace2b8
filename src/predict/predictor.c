/* Picture to mask: plans of batch 1, one for each model and size, and what their passes say, summed. */
#include "predict/predictor.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "predict/clean.h"
#include "predict/prepare.h"
#include "predict/turns.h"
#include "predict/uncertainty.h"

/* A size that pictures are squished to. */
typedef struct grid {
    int size;
    tensor *input;       /* [PREDICTOR_SLOTS]: (1, 3, size, size), normalised; made when first filled. A twin's: the first's */
    prepare_buffers *buffers; /* [PREDICTOR_SLOTS], likewise */
    tensor mean;         /* (1, 1, size, size): logits of its passes, divided by the number of all passes */
} grid;

typedef struct member {
    plan *plan;
    size_t grid;
} member;

struct polyp_predictor {
    member *members; /* model by model, size by size */
    grid *grids;     /* the first is the first model's own */
    size_t member_count, grid_count, room;
    const tta_kind *tta;
    polyp_mask_rules rules;
    double model_threshold, threshold;
    int passes;     /* of one picture */
    int load_threads; /* as in plan_options */
    bool twin;      /* its slots are another's */
    bool int8;      /* computes in it, one model at least */
    float *pass;    /* (size, size) of the largest grid: one pass's logits, upright */
    float *resized; /* (size, size) of the first grid: the same there */
    votes votes;    /* of the passes on the first grid, when there are several */
    stretch_buffers stretch;
    float *logits;   /* of all grids, at the wanted size, where there are several */
    polyp_image low; /* hysteresis: what may be grown into */
};

/* ---- opening -------------------------------------------------------------------------------------------- */

/* Room for `count` plans at most. */
static status create_empty(polyp_predictor **out, size_t count, double threshold,
                           const polyp_predictor_options *options)
{
    polyp_predictor *p;
    TRY(memory_new(&p, 1));
    p->model_threshold = p->threshold = threshold;
    p->rules = options->rules;
    p->room = count;
    status result = tta_find(&p->tta, options->tta);
    if (result == POLYP_OK) result = mask_rules_check(&p->rules, threshold);
    if (result == POLYP_OK) result = memory_new(&p->members, count);
    if (result == POLYP_OK) result = memory_new(&p->grids, count);
    if (result == POLYP_OK) *out = p;
    else polyp_predictor_close(p);
    return result;
}

static status find_grid(size_t *out, polyp_predictor *p, int size)
{
    for (size_t i = 0; i < p->grid_count; i++) {
        if (p->grids[i].size != size) continue;
        *out = i;
        return POLYP_OK;
    }
    grid *const g = &p->grids[p->grid_count];
    *out = p->grid_count++;
    g->size = size;
    TRY(memory_new(&g->input, PREDICTOR_SLOTS));
    TRY(memory_new(&g->buffers, PREDICTOR_SLOTS));
    return tensor_create(&g->mean, (shape){1, 1, size, size});
}

/* A plan for each size that the passes want. */
static status add_members(polyp_predictor *p, const engine *e, const graph *g, int size, const plan_options *options)
{
    for (int i = 0; i < p->tta->scales; i++) {
        member *const m = &p->members[p->member_count];
        const int scaled = tta_size(size, p->tta->scale[i]);
        TRY(find_grid(&m->grid, p, scaled));
        TRY(plan_create(&m->plan, e, g, (shape){1, 3, scaled, scaled}, options));
        p->member_count++;
        p->passes += p->tta->turns;
    }
    return POLYP_OK;
}

static status load_members(polyp_predictor *p, size_t first, const params *weights)
{
    for (size_t i = first; i < p->member_count; i++) TRY(plan_load(p->members[i].plan, weights));
    return POLYP_OK;
}

/* What several passes need beside their plans. */
static status make_sums(polyp_predictor *p)
{
    int largest = 0;
    if (p->passes == 1) return POLYP_OK;
    for (size_t i = 0; i < p->grid_count; i++) largest = p->grids[i].size > largest ? p->grids[i].size : largest;
    const size_t first = (size_t)p->grids[0].size * (size_t)p->grids[0].size;
    TRY(memory_new(&p->pass, (size_t)largest * (size_t)largest));
    TRY(memory_new(&p->resized, first));
    return votes_create(&p->votes, first);
}

status predictor_create(polyp_predictor **out, const engine *e, const graph *g, int size, double threshold,
                        const plan_options *options)
{
    const plan_options infer = {.mode = PLAN_INFER, .precision = options->precision, .threads = options->threads};
    const polyp_predictor_options plain = {0};
    polyp_predictor *p;
    TRY(create_empty(&p, 1, threshold, &plain));
    const status result = add_members(p, e, g, size, &infer);
    if (result == POLYP_OK) *out = p;
    else polyp_predictor_close(p);
    return result;
}

status predictor_load(polyp_predictor *p, const params *weights)
{
    return load_members(p, 0, weights);
}

/* Of each plan: how many turns of how many pictures. Above the bound it is all the same. */
static int expected_passes(int pictures, const tta_kind *tta)
{
    enum { MANY = 1000 };
    return (pictures < MANY ? pictures : MANY) * tta->turns;
}

/* Each model in its own precision where that is left to it. */
static status add_model(polyp_predictor *p, const polyp_model *model, const engine *e,
                        const polyp_predictor_options *options)
{
    plan_options infer = {.mode = PLAN_INFER,
                          .threads = options->threads,
                          .load_threads = p->load_threads,
                          .passes = expected_passes(options->pictures, p->tta)};
    const size_t first = p->member_count;
    status result = engine_precision_for(&infer.precision, e, options->precision, &model->weights);
    if (result == POLYP_ERR_UNSUPPORTED && !model->weights.value_scales) return fail_within(result, model->path);
    if (result == POLYP_OK && infer.precision == PRECISION_INT8) p->int8 = true;
    if (result == POLYP_OK) result = add_members(p, e, &model->graph, model->facts.size, &infer);
    if (result == POLYP_OK) result = load_members(p, first, &model->weights);
    return result == POLYP_ERR_FORMAT ? fail_within(result, model->path) : result;
}

status predictor_open_models(polyp_predictor **out, const polyp_model *const *models, size_t count,
                             const polyp_predictor_options *options, int load_threads)
{
    const engine *e;
    const tta_kind *passes;
    polyp_predictor *p;
    if (count == 0) return fail(POLYP_ERR_ARGUMENT, "there is no model");
    TRY(engine_find(&e, options->engine ? options->engine : "auto"));
    TRY(tta_find(&passes, options->tta));
    TRY(create_empty(&p, count * (size_t)passes->scales, models[0]->facts.threshold, options));
    p->load_threads = load_threads;
    status result = POLYP_OK;
    for (size_t i = 0; i < count && result == POLYP_OK; i++) result = add_model(p, models[i], e, options);
    if (result == POLYP_OK) result = make_sums(p);
    if (result == POLYP_OK) *out = p;
    else polyp_predictor_close(p);
    return result;
}

status predictor_open_model(polyp_predictor **out, const polyp_model *model, const polyp_predictor_options *options)
{
    return predictor_open_models(out, &model, 1, options, 0);
}

/* Its plans over the plans of `of`, its means and sums its own. */
static status copy_parts(polyp_predictor *p, const polyp_predictor *of)
{
    for (size_t i = 0; i < of->grid_count; i++) {
        const grid *const first = &of->grids[i];
        p->grids[i] = (grid){.size = first->size, .input = first->input, .buffers = first->buffers};
        p->grid_count++;
        TRY(tensor_create(&p->grids[i].mean, first->mean.shape));
    }
    for (size_t i = 0; i < of->member_count; i++) {
        p->members[i].grid = of->members[i].grid;
        TRY(plan_twin(&p->members[i].plan, of->members[i].plan));
        p->member_count++;
    }
    return make_sums(p);
}

status predictor_twin(polyp_predictor **out, const polyp_predictor *of)
{
    polyp_predictor *p;
    status result;
    TRY(memory_new(&p, 1));
    p->twin = true;
    p->tta = of->tta;
    p->rules = of->rules;
    p->model_threshold = of->model_threshold;
    p->threshold = of->threshold;
    p->passes = of->passes;
    p->int8 = of->int8;
    TRY_DONE(memory_new(&p->members, of->member_count));
    TRY_DONE(memory_new(&p->grids, of->grid_count));
    TRY_DONE(copy_parts(p, of));
    *out = p;
    return POLYP_OK;
done:
    polyp_predictor_close(p);
    return result;
}

void predictor_tell(const polyp_predictor *p, const polyp_watch *watch)
{
    const polyp_progress progress = {
        .phase = "predict", .unit = "picture", .loss = NAN, .learning_rate = NAN, .message = "computing in int8"};
    if (p->int8 && watch && watch->report) (void)watch->report(watch->context, &progress);
}

tensor predictor_logits(const polyp_predictor *p)
{
    return p->grids[0].mean;
}

status predictor_set_threshold(polyp_predictor *p, double threshold)
{
    const double wanted = threshold < 0.0 ? p->model_threshold : threshold;
    TRY(mask_rules_check(&p->rules, wanted));
    p->threshold = wanted;
    return POLYP_OK;
}

static void free_slots(grid *g)
{
    for (int slot = 0; g->input && slot < PREDICTOR_SLOTS; slot++) tensor_free(&g->input[slot]);
    for (int slot = 0; g->buffers && slot < PREDICTOR_SLOTS; slot++) prepare_buffers_free(&g->buffers[slot]);
    memory_free(g->input);
    memory_free(g->buffers);
}

void polyp_predictor_close(polyp_predictor *predictor)
{
    if (!predictor) return;
    for (size_t i = 0; i < predictor->member_count; i++) plan_destroy(predictor->members[i].plan);
    for (size_t i = 0; i < predictor->grid_count; i++) {
        tensor_free(&predictor->grids[i].mean);
        if (!predictor->twin) free_slots(&predictor->grids[i]);
    }
    votes_free(&predictor->votes);
    stretch_buffers_free(&predictor->stretch);
    polyp_image_free(&predictor->low);
    memory_free(predictor->logits);
    memory_free(predictor->pass);
    memory_free(predictor->resized);
    memory_free(predictor->members);
    memory_free(predictor->grids);
    memory_free(predictor);
}

/* ---- passes --------------------------------------------------------------------------------------------- */

status predictor_submit(polyp_predictor *p, int slot, const polyp_image *picture)
{
    for (size_t i = 0; i < p->grid_count; i++) {
        tensor *const input = &p->grids[i].input[slot];
        const int size = p->grids[i].size;
        if (!input->data) TRY(tensor_create(input, (shape){1, 3, size, size}));
        TRY(prepare_input_with(&p->grids[i].buffers[slot], input, 0, picture));
    }
    return POLYP_OK;
}

static status forward(const member *m, const grid *g, int slot, int turn)
{
    const tensor input = plan_input(m->plan);
    turn_apply(input.data, g->input[slot].data, 3, g->size, turn);
    return plan_forward(m->plan);
}

/* The pass's logits where the first grid has its pixels: every pass votes there. */
static status vote(polyp_predictor *p, const grid *g)
{
    const grid *const first = &p->grids[0];
    const size_t count = (size_t)first->size * (size_t)first->size;
    const tensor pass = {{1, 1, g->size, g->size}, p->pass};
    const float *logits = p->pass;
    if (g != first) {
        memset(p->resized, 0, count * sizeof *p->resized);
        TRY(prepare_add_logits(&p->stretch, p->resized, &pass, first->size, first->size));
        logits = p->resized;
    }
    votes_add(&p->votes, logits, p->threshold);
    return POLYP_OK;
}

static status run_pass(polyp_predictor *p, const member *m, int slot, int turn)
{
    grid *const g = &p->grids[m->grid];
    const size_t count = (size_t)g->size * (size_t)g->size;
    TRY(forward(m, g, slot, turn));
    memset(p->pass, 0, count * sizeof *p->pass);
    turn_undo_add(p->pass, plan_logits(m->plan).data, g->size, turn);
    for (size_t i = 0; i < count; i++) g->mean.data[i] += p->pass[i] / (float)p->passes;
    return vote(p, g);
}

static status run_all(polyp_predictor *p, int slot)
{
    votes_clear(&p->votes);
    for (size_t i = 0; i < p->grid_count; i++)
        memset(p->grids[i].mean.data, 0, shape_count(p->grids[i].mean.shape) * sizeof(float));
    for (size_t i = 0; i < p->member_count; i++)
        for (int turn = 0; turn < p->tta->turns; turn++) TRY(run_pass(p, &p->members[i], slot, turn));
    return POLYP_OK;
}

/* One model in one pass: nothing to sum. */
static status run_one(polyp_predictor *p, int slot)
{
    TRY(forward(&p->members[0], &p->grids[0], slot, 0));
    const tensor logits = plan_logits(p->members[0].plan);
    memcpy(p->grids[0].mean.data, logits.data, shape_count(logits.shape) * sizeof *logits.data);
    return POLYP_OK;
}

/* ---- masks ---------------------------------------------------------------------------------------------- */

/* A mean over several grids is added up at the wanted size, which is exact: resizing is linear. */
static status add_grids(const polyp_predictor *p, stretch_buffers *b, float **out, int width, int height)
{
    const size_t count = (size_t)width * (size_t)height;
    TRY(memory_reuse(out, count));
    memset(*out, 0, count * sizeof **out);
    for (size_t i = 0; i < p->grid_count; i++) TRY(prepare_add_logits(b, *out, &p->grids[i].mean, width, height));
    return POLYP_OK;
}

/* Both from the averaged logits at the wanted size. */
static status make_pictures(polyp_predictor *p, int width, int height, double threshold, polyp_image *probability,
                            polyp_image *mask)
{
    tensor logits = p->grids[0].mean;
    if (p->grid_count > 1) {
        TRY(add_grids(p, &p->stretch, &p->logits, width, height));
        logits = (tensor){{1, 1, height, width}, p->logits};
    }
    return prepare_mask_with(&p->stretch, probability, mask, &logits, 0, width, height, threshold);
}

static status apply_rules(polyp_predictor *p, polyp_image *mask)
{
    if (p->rules.low_threshold > 0.0) {
        TRY(make_pictures(p, mask->width, mask->height, p->rules.low_threshold, NULL, &p->low));
        TRY(mask_grow(mask, &p->low));
    }
    return mask_clean(mask, &p->rules);
}

status predictor_collect(polyp_predictor *p, int slot, int width, int height, polyp_image *probability,
                         polyp_image *mask)
{
    TRY(p->passes == 1 ? run_one(p, slot) : run_all(p, slot));
    return predictor_collect_again(p, width, height, probability, mask);
}

status predictor_collect_again(polyp_predictor *p, int width, int height, polyp_image *probability, polyp_image *mask)
{
    TRY(make_pictures(p, width, height, p->threshold, probability, mask));
    return mask && mask_rules_any(&p->rules) ? apply_rules(p, mask) : POLYP_OK;
}

status predictor_uncertainty(polyp_uncertainty *out, const polyp_predictor *p)
{
    const grid *const first = &p->grids[0];
    const size_t count = (size_t)first->size * (size_t)first->size;
    stretch_buffers b = {0};
    float *logits = NULL;
    status result = POLYP_OK;
    if (p->grid_count > 1) TRY_DONE(add_grids(p, &b, &logits, first->size, first->size));
    out->entropy = uncertainty_entropy(logits ? logits : first->mean.data, count);
    out->disagreement = votes_disagreement(&p->votes);
done:
    stretch_buffers_free(&b);
    memory_free(logits);
    return result;
}
