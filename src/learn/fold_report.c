/* The end of a fold's run: its model on the part that chose nothing. */
#include "learn/evaluate.h"
#include "learn/folds.h"

enum { DECODERS = 2 };

static status score(polyp_evaluation *out, evaluate_row *rows, const char *path, const dataset *report,
                    const polyp_train_options *options)
{
    const evaluate_watch watch = {.watch = &options->watch, .phase = "report"};
    polyp_model *model = NULL;
    polyp_predictor *predictor = NULL;
    status result;
    TRY_DONE(model_open(&model, path));
    const polyp_predictor_options how = {
        .engine = options->engine, .threads = options->threads, .precision = options->precision};
    TRY_DONE(predictor_open_model(&predictor, model, &how));
    TRY_DONE(evaluate_pictures(rows, predictor, report, DECODERS, &watch));
    *out = (polyp_evaluation){.threshold = model->facts.threshold};
    TRY_DONE(evaluate_sum_up(out, rows, report->count, false));
done:
    polyp_predictor_close(predictor);
    polyp_model_close(model);
    return result;
}

status fold_report(polyp_evaluation *reported, const char *out, const fold_facts *facts, const char *model,
                   const dataset *report, const polyp_train_options *options)
{
    polyp_evaluation found;
    evaluate_row *rows;
    TRY(memory_new(&rows, report->count));
    status result;
    TRY_DONE(score(&found, rows, model, report, options));
    TRY_DONE(fold_write(out, facts, &found));
    *reported = found;
done:
    memory_free(rows);
    return result;
}
