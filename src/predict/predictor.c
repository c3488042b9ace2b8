/* Picture to mask: one inference plan of batch 1 and two slots of prepared input. */
#include "predict/predictor.h"

#include <string.h>

#include "base/memory.h"
#include "predict/prepare.h"

enum { SLOTS = 2 };

struct polyp_predictor {
    plan *plan;
    tensor input[SLOTS]; /* (1, 3, size, size), normalised: filled while the plan computes another */
    double model_threshold, threshold;
};

status predictor_create(polyp_predictor **out, const engine *e, const graph *g, int size, double threshold,
                        const plan_options *options)
{
    const shape input = {1, 3, size, size};
    const plan_options infer = {.mode = PLAN_INFER, .precision = options->precision, .threads = options->threads};
    polyp_predictor *p;
    TRY(memory_new(&p, 1));
    p->model_threshold = p->threshold = threshold;
    status result = plan_create(&p->plan, e, g, input, &infer);
    for (int slot = 0; slot < SLOTS && result == POLYP_OK; slot++) result = tensor_create(&p->input[slot], input);
    if (result == POLYP_OK) {
        *out = p;
    } else {
        polyp_predictor_close(p);
    }
    return result;
}

status predictor_load(polyp_predictor *p, const params *weights)
{
    return plan_load(p->plan, weights);
}

status predictor_open_model(polyp_predictor **out, const polyp_model *model, const polyp_predictor_options *options)
{
    const engine *e;
    polyp_predictor *p;
    plan_options how = {.threads = options->threads};
    TRY(engine_find(&e, options->engine));
    TRY(engine_precision(&how.precision, e, options->precision));
    TRY(predictor_create(&p, e, &model->graph, model->facts.size, model->facts.threshold, &how));
    const status result = predictor_load(p, &model->weights);
    if (result == POLYP_OK) {
        *out = p;
        return POLYP_OK;
    }
    polyp_predictor_close(p);
    return result == POLYP_ERR_FORMAT ? fail_within(result, model->path) : result;
}

tensor predictor_logits(const polyp_predictor *p)
{
    return plan_logits(p->plan);
}

void predictor_set_threshold(polyp_predictor *p, double threshold)
{
    p->threshold = threshold < 0.0 ? p->model_threshold : threshold;
}

status predictor_submit(polyp_predictor *p, int slot, const polyp_image *picture)
{
    return prepare_input(&p->input[slot], 0, picture);
}

status predictor_collect(polyp_predictor *p, int slot, int width, int height, polyp_image *probability,
                         polyp_image *mask)
{
    const tensor input = plan_input(p->plan);
    memcpy(input.data, p->input[slot].data, shape_count(input.shape) * sizeof *input.data);
    TRY(plan_forward(p->plan));
    return predictor_collect_again(p, width, height, probability, mask);
}

status predictor_collect_again(polyp_predictor *p, int width, int height, polyp_image *probability, polyp_image *mask)
{
    const tensor logits = plan_logits(p->plan);
    return prepare_mask(probability, mask, &logits, 0, width, height, p->threshold);
}

void polyp_predictor_close(polyp_predictor *predictor)
{
    if (!predictor) return;
    plan_destroy(predictor->plan);
    for (int slot = 0; slot < SLOTS; slot++) tensor_free(&predictor->input[slot]);
    memory_free(predictor);
}
