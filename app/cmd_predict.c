/* polyp predict: masks for pictures. */
#include <stdint.h>
#include <sys/stat.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    predict_options options;
    better_settings better;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("out", options.out, "DIR", "folder for the masks (not given: predictions)"),
    ROW_FLAG("overlay", options.overlay, "also write STEM.overlay.jpg: the picture with its outline"),
    ROW_FLAG("probability", options.probability, "also write STEM.probability.png: 0..255"),
    ROW_REAL("threshold", options.threshold, "T",
             "a pixel is polyp when its probability is above T (not given: the model's)", 0, 1),
    BETTER_ROWS(better),
    ROW_TEXT("json", options.json, "FILE",
             "write what was found as JSON: outlines, boxes, areas, uncertainty; - for standard output"),
    ROW_TEXT("coco", options.coco, "FILE", "write it as COCO annotations"),
    ROW_CHOICE("precision", options.precision, "of the arithmetic; int8: of a model by quantize", PREDICT_PRECISION_CHOICES),
    ROW_INT("expect", options.expect, "N",
            "prepare for N pictures (not given: as many as there are): for few f32 starts faster, with other last bits",
            1, 1000000, 1),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.out = "predictions";
    s->options.threshold = -1;
    s->options.precision = "auto";
}

/* A folder, or a file that ends like a picture: no model. */
static bool names_input(const char *path)
{
    struct stat facts;
    return (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) || command_names_picture(path);
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
    char shipped[COMMANDS_PATH];
    json_target json;
    progress watched;
    const size_t models = names_input(rest->items[0]) ? 0 : 1;
    if (models == rest->count) {
        fprintf(stderr, "polyp: predict: needs a picture or a folder of pictures after the model\n");
        return EXIT_MISUSED;
    }
    options.model = models ? rest->items[0] : "shipped";
    const polyp_status named = command_model_path(shipped, &options.model);
    if (named != POLYP_OK) return finish(named);
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    progress_begin(&watched, s->common.quiet);
    watched.keep_messages = true;
    options.tta = s->better.tta;
    options.rules = rules_of(&s->better);
    options.paths = rest->items + models;
    options.path_count = rest->count - models;
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
    .operands = "[MODEL[,MODEL...]] PATH...",
    .summary = "write a mask for each picture, or for each picture of a folder",
    .details =
        "DIR/STEM.png has the picture's own size: 255 where a polyp is, else 0. A picture that cannot be read is told "
        "and skipped; the program then exits with 1. Several models, separated by commas, are an ensemble: their logits "
        "are averaged. Without a MODEL (the first PATH is a folder, or ends like a picture), or for the word `shipped`, the "
        "network that comes with polyp is taken, or the one that the environment's POLYP_MODEL names.",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
