/* polyp evaluate: one model, two compared, or masks that another program wrote. */
#include "commands.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "learn/score_set.h"
#include "predict/clean.h"
#include "predict/model_set.h"
#include "report/page.h"

/* ---- scoring --------------------------------------------------------------------------------------------- */

static status options_fit(const evaluate_options *o)
{
    const size_t most = o->ensemble ? SIZE_MAX : 2;
    const bool passes = o->tta && strcmp(o->tta, "none") != 0;
    const bool better = o->ensemble || passes || mask_rules_any(&o->rules);
    if (o->masks && o->model_count > 0) {
        return fail(POLYP_ERR_ARGUMENT, "with --masks only DATA is given: masks are scored, no model runs");
    }
    if (!o->masks && (o->model_count == 0 || o->model_count > most)) {
        return fail(POLYP_ERR_ARGUMENT, "%zu models are given; one is scored, or two are compared; --ensemble makes one of all",
                    o->model_count);
    }
    if (o->masks && better) {
        return fail(POLYP_ERR_ARGUMENT, "--masks are scored as they are; --tta, --ensemble and rules for masks belong to "
                                        "models");
    }
    if (!o->masks && (o->probabilities || o->resize || o->network_size > 0)) {
        return fail(POLYP_ERR_ARGUMENT, "--probabilities, --resize and --network-size belong to --masks");
    }
    if (o->blank && !o->report) return fail(POLYP_ERR_ARGUMENT, "--blank paints the pictures of a --report; give that too");
    return POLYP_OK;
}

static bool compares(const evaluate_options *o)
{
    return o->model_count == 2 && !o->ensemble;
}

static status score_options_of(score_options *out, const evaluate_options *o)
{
    *out = (score_options){.data = o->data,
                           .split = o->split,
                           .more_data = o->more_data,
                           .more_count = o->more_count,
                           .ignore = o->ignore,
                           .groups = o->groups,
                           .by = o->by,
                           .min_max = o->min_max,
                           .threshold = o->threshold,
                           .tta = o->tta,
                           .rules = o->rules,
                           .engine = o->engine,
                           .precision = o->precision,
                           .threads = o->threads,
                           .watch = &o->watch};
    return empty_rule_parse(&out->empty, o->empty);
}

static status take(void *gallery, size_t index, const polyp_image *picture, const score_input *in)
{
    return page_gallery_take(gallery, index, picture, in);
}

static status take_second(void *gallery, size_t index, const polyp_image *picture, const score_input *in)
{
    (void)picture;
    return page_gallery_take_second(gallery, index, in);
}

/* One model, or all as one; of two that are compared the second, if `second`. */
static status open_models(model_set *out, const evaluate_options *o, bool second)
{
    if (o->masks) return POLYP_OK;
    if (second) return model_set_open(out, o->models + 1, 1);
    return model_set_open(out, o->models, compares(o) ? 1 : o->model_count);
}

/* The models as one; another program's masks when there are none. gallery NULL: no pictures are kept. */
static status score_one(score_set *out, const model_set *models, const evaluate_options *o, page_gallery *gallery,
                        score_observer each)
{
    score_options how;
    TRY(score_options_of(&how, o));
    how.each = gallery ? each : NULL;
    how.context = gallery;
    if (o->masks) {
        const foreign_masks masks = {o->masks, o->probabilities, o->resize, o->network_size};
        return score_set_masks(out, &masks, &how);
    }
    return score_set_models(out, (const polyp_model *const *)models->items, models->count, &how);
}

/* ---- what comes of it ------------------------------------------------------------------------------------ */

/* What is wrong with the folder is said before anything runs. */
static status open_gallery(page_gallery **out, const score_report *r, const evaluate_options *o)
{
    page_blank blanks[PAGE_BLANKS_MOST];
    size_t count;
    if (!o->report) return POLYP_OK;
    TRY(page_blanks_parse(blanks, &count, o->blank));
    TRY(folder_create(o->report));
    return page_gallery_create(out, r, blanks, count);
}

/* comparison NULL: there is no second. */
static status write_files(const score_report *first, const score_report *second, const score_comparison *comparison,
                          const page_gallery *gallery, const evaluate_options *o)
{
    if (o->csv) TRY(score_report_write_csv(o->csv, first, second));
    if (o->json) TRY(score_report_write_json(o->json, first, second, comparison));
    return o->report ? page_write(o->report, first, second, comparison, gallery) : POLYP_OK;
}

static status finish_one(const score_report *r, const page_gallery *gallery, const evaluate_options *o, FILE *to)
{
    TRY(write_files(r, NULL, NULL, gallery, o));
    if (!to) return POLYP_OK;
    score_report_print(to, r, o->all);
    score_claims_print(to, r);
    return POLYP_OK;
}

/* Both tables with --all, then the comparison; what was published is held against both. */
static void print_two(FILE *to, const score_report *first, const score_report *second,
                      const score_comparison *comparison, const evaluate_options *o)
{
    const score_report *const both[] = {first, second};
    for (int i = 0; i < 2 && o->all; i++) {
        score_report_print(to, both[i], true);
        fprintf(to, "\n");
    }
    score_comparison_print(to, first, second, comparison);
    for (int i = 0; i < 2 && o->published; i++) {
        fprintf(to, "\n%s:", i == 0 ? "A" : "B");
        score_claims_print(to, both[i]);
    }
}

static status finish_two(const score_report *first, const score_report *second, const page_gallery *gallery,
                         const evaluate_options *o, FILE *to)
{
    score_comparison comparison;
    TRY(score_compare(&comparison, first, second));
    TRY(write_files(first, second, &comparison, gallery, o));
    if (to) print_two(to, first, second, &comparison, o);
    return POLYP_OK;
}

polyp_status command_evaluate(const evaluate_options *options, FILE *to)
{
    published_score published[PUBLISHED_MOST];
    size_t published_count;
    score_set sets[2] = {0};
    model_set models[2] = {0};
    page_gallery *gallery = NULL;
    status result;
    TRY_DONE(options_fit(options));
    TRY_DONE(claims_parse(published, &published_count, options->published));
    const bool compare = compares(options);
    for (int i = 0; i < (compare ? 2 : 1); i++) TRY_DONE(open_models(&models[i], options, i == 1));
    TRY_DONE(open_gallery(&gallery, &sets[0].report, options));
    TRY_DONE(score_one(&sets[0], &models[0], options, gallery, take));
    if (compare) TRY_DONE(score_one(&sets[1], &models[1], options, gallery, take_second));
    for (int i = 0; i < 2; i++) {
        sets[i].report.published = published;
        sets[i].report.published_count = published_count;
    }
    if (compare) {
        TRY_DONE(finish_two(&sets[0].report, &sets[1].report, gallery, options, to));
    } else {
        TRY_DONE(finish_one(&sets[0].report, gallery, options, to));
    }
done:
    page_gallery_free(gallery);
    for (int i = 0; i < 2; i++) {
        score_set_free(&sets[i]);
        model_set_close(&models[i]);
    }
    return result;
}
