/* polyp predict: masks for pictures. */
#include <stdint.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    predict_options options;
    better_settings better;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("out", options.out, "DIR", "folder for the masks (needed)"),
    ROW_FLAG("overlay", options.overlay, "also write STEM.overlay.jpg: the picture with its outline"),
    ROW_FLAG("probability", options.probability, "also write STEM.probability.png: 0..255"),
    ROW_REAL("threshold", options.threshold, "T",
             "a pixel is polyp when its probability is above T (not given: the model's)", 0, 1),
    BETTER_ROWS(better),
    ROW_TEXT("json", options.json, "FILE",
             "write what was found as JSON: outlines, boxes, areas, uncertainty; - for standard output"),
    ROW_TEXT("coco", options.coco, "FILE", "write it as COCO annotations"),
    ROW_CHOICE("precision", options.precision, "of the arithmetic", PRECISION_CHOICES),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.threshold = -1;
    s->options.precision = "auto";
}

static void print_result(const predict_result *r, const char *out)
{
    printf("%zu picture%s, %zu with a polyp, %zu failed, %.2f s: masks in %s\n", r->pictures,
           r->pictures == 1 ? "" : "s", r->with_polyp, r->failed, r->seconds, out);
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    predict_options options = s->options;
    predict_result found = {0};
    json_target json;
    progress watched;
    if (!options.out) {
        fprintf(stderr, "polyp: predict: needs --out DIR, the folder that masks are written to\n");
        return EXIT_MISUSED;
    }
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    progress_begin(&watched, s->common.quiet);
    watched.keep_messages = true;
    options.model = rest->items[0];
    options.tta = s->better.tta;
    options.rules = rules_of(&s->better);
    options.paths = rest->items + 1;
    options.path_count = rest->count - 1;
    options.json = json.path;
    options.engine = s->common.engine;
    options.threads = s->common.threads;
    options.watch = progress_watch(&watched);
    const polyp_status result = command_predict(&found, &options);
    progress_end(&watched);
    if (result == POLYP_OK && !json_target_is_stdout(&json)) print_result(&found, options.out);
    if (!json_target_close(&json, result == POLYP_OK)) return EXIT_FAILED;
    return result == POLYP_OK && found.failed > 0 ? EXIT_FAILED : finish(result);
}

const command cmd_predict = {
    .name = "predict",
    .operands = "MODEL[,MODEL...] PATH...",
    .summary = "write a mask for each picture, or for each picture of a folder",
    .details =
        "DIR/STEM.png has the picture's own size: 255 where a polyp is, else 0. A picture that cannot be read is told "
        "and skipped; the program then exits with 1. Several models, separated by commas, are an ensemble: their logits "
        "are averaged.",
    .operands_min = 2,
    .operands_max = SIZE_MAX,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
