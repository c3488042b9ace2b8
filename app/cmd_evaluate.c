/* polyp evaluate: a model's scores on a data set. */
#include "app.h"

typedef struct settings {
    common_settings common;
    polyp_evaluate_options options;
    const char *precision;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("split", options.split, "NAME",
             "only the pictures of splits/NAME.txt, or of a list such as RUN/valid.txt (not given: every pair)"),
    ROW_REAL("threshold", options.threshold, "T",
             "a pixel is polyp when its probability is above T (not given: the model's)", 0, 1),
    ROW_TEXT("json", options.json, "FILE", "write the summary as JSON; - for standard output"),
    ROW_TEXT("csv", options.csv, "FILE", "write one line a picture"),
    ROW_CHOICE("precision", precision, "of the arithmetic", PRECISION_CHOICES),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options = polyp_evaluate_defaults();
    s->precision = "auto";
}

static void print_row(const char *name, double per_image, double pooled, const polyp_interval *interval)
{
    printf("%-10s %10.4f %10.4f", name, per_image, pooled);
    if (interval) printf("   %.4f .. %.4f", interval->low, interval->high);
    printf("\n");
}

static void print_table(const polyp_evaluation *e)
{
    const polyp_metrics *const i = &e->per_image, *const p = &e->pooled;
    printf("%zu pictures, threshold %g\n\n", e->images, e->threshold);
    printf("%-10s %10s %10s   %s\n", "", "per image", "pooled", "95 % of per image");
    print_row("Jaccard", i->jaccard, p->jaccard, &e->jaccard_95);
    print_row("DSC", i->dsc, p->dsc, &e->dsc_95);
    print_row("Recall", i->recall, p->recall, NULL);
    print_row("Precision", i->precision, p->precision, NULL);
    print_row("Accuracy", i->accuracy, p->accuracy, NULL);
    print_row("F2", i->f2, p->f2, NULL);
    if (e->without_polyp > 0) {
        printf("\n%zu pictures without a polyp are left out of the overlap per image; %zu of them got a false alarm\n",
               e->without_polyp, e->false_alarms);
    }
    printf("\n%.1f s, %.1f pictures a second\n", e->seconds, e->seconds > 0 ? (double)e->images / e->seconds : 0.0);
}

static polyp_status score(polyp_evaluation *out, const char *path, const polyp_evaluate_options *options)
{
    polyp_model *model = NULL;
    polyp_status result = polyp_model_open(&model, path);
    if (result == POLYP_OK) result = polyp_evaluate(out, model, options);
    polyp_model_close(model);
    return result;
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    polyp_evaluate_options options = s->options;
    polyp_evaluation found = {0};
    json_target json;
    progress watched;
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    progress_begin(&watched, s->common.quiet);
    options.data = rest->items[1];
    options.json = json.path;
    options.engine = s->common.engine;
    options.threads = s->common.threads;
    options.watch = progress_watch(&watched);
    const polyp_status result = score(&found, rest->items[0], &options);
    progress_end(&watched);
    if (result == POLYP_OK && !json_target_is_stdout(&json)) print_table(&found);
    const bool copied = json_target_close(&json, result == POLYP_OK);
    return copied ? finish(result) : EXIT_FAILED;
}

const command cmd_evaluate = {
    .name = "evaluate",
    .operands = "MODEL DATA",
    .summary = "score a model on pictures with masks, at each picture's own size",
    .operands_min = 2,
    .operands_max = 2,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
