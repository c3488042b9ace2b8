/* polyp evaluate: scores of a model, of two models, or of masks that another program wrote. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    evaluate_options options;
    better_settings better;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("split", options.split, "NAME",
             "only the pictures of splits/NAME.txt, or of a list such as RUN/valid.txt (not given: every pair)"),
    ROW_INT("ignore", options.ignore, "LEVEL", "masks give this grey level to pixels that do not count; 0: none", 0,
            254, 1),
    ROW_FLAG("all", options.all,
             "print every averaging, distances, objects, sizes, thresholds and calibration; --json always has them"),
    ROW_TEXT("masks", options.masks, "DIR", "score the masks DIR/STEM.png of any program, instead of a model"),
    ROW_FLAG("probabilities", options.probabilities, "those are probability maps, 0..255"),
    ROW_FLAG("resize", options.resize, "bring those of another size to the picture's, bilinear"),
    ROW_INT("network-size", options.network_size, "N", "score those shrunk to N x N too, as other programs do; 0: not", 0,
            4096, 1),
    ROW_REAL("threshold", options.threshold, "T",
             "a pixel is polyp when its probability is above T (not given: the model's; 0.5 for maps)", 0, 1),
    ROW_FLAG("ensemble", options.ensemble, "all MODELs are one ensemble: their logits are averaged"),
    BETTER_ROWS(better),
    ROW_TEXT(
        "groups", options.groups, "FILE.csv",
        "columns stem and group: pictures of one examination or sequence, resampled together for intervals and tests"),
    ROW_TEXT("by", options.by, "FILE.csv",
             "columns stem and group: the scores of each group too, in the report and with --all"),
    ROW_TEXT("published", options.published, "LIST",
             "such as jaccard=.7871,dsc=.8926: say for each whether the mean per image exceeds it"),
    ROW_CHOICE("empty", options.empty, "what to do with empty masks per image", "none|sklearn|eps"),
    ROW_FLAG("min-max", options.min_max,
             "stretch each map to 0..1 for the PraNet metrics, as its family of tools does"),
    ROW_TEXT("json", options.json, "FILE", "write everything as JSON; - for standard output"),
    ROW_TEXT("csv", options.csv, "FILE", "write one line a picture (and model)"),
    ROW_TEXT("report", options.report, "DIR",
             "write DIR/index.html, a page that opens from disk: tables, curves, pictures with outlines (of two models both), "
             "method; beside it scores.csv and scores.json"),
    ROW_TEXT("blank", options.blank, "LEFT,TOP,WIDTH,HEIGHT",
             "parts of the report's pictures that are painted grey, in per cent, such as burned-in names; several: a;b"),
    ROW_CHOICE("precision", options.precision, "of the arithmetic; int8: of a model by quantize", PREDICT_PRECISION_CHOICES),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.threshold = -1;
    s->options.empty = "none";
    s->options.precision = "auto";
}

static bool ends_with(const char *path, const char *ending)
{
    const size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcmp(path + length - tail, ending) == 0;
}

/* A model is a file that is no table and no JSON. */
static bool is_data(const char *path)
{
    struct stat facts;
    const bool folder = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
    return folder || ends_with(path, ".csv") || ends_with(path, ".json");
}

/* How many of the operands are models: those before the first data set; the last is always data. */
static size_t count_models(const arguments *rest)
{
    size_t models = 0;
    while (models + 1 < rest->count && !is_data(rest->items[models])) models++;
    return models;
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    evaluate_options options = s->options;
    const char *const shipped = "shipped";
    json_target json;
    progress watched;
    options.models = rest->items;
    options.model_count = count_models(rest);
    options.data = rest->items[options.model_count];
    options.more_data = rest->items + options.model_count + 1;
    options.more_count = rest->count - options.model_count - 1;
    if (!options.masks && options.model_count == 0) {
        options.models = &shipped;
        options.model_count = 1;
    }
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    progress_begin(&watched, s->common.quiet);
    options.tta = s->better.tta;
    options.rules = rules_of(&s->better);
    options.json = json.path;
    options.engine = s->common.engine;
    options.threads = s->common.threads;
    options.watch = progress_watch(&watched);
    char *table = NULL; /* kept until the progress line is gone */
    size_t length = 0;
    FILE *const text = open_memstream(&table, &length);
    const polyp_status result = command_evaluate(&options, json_target_is_stdout(&json) ? NULL : text);
    progress_end(&watched);
    if (text) fclose(text);
    if (result == POLYP_OK && table) fputs(table, stdout);
    free(table);
    const bool copied = json_target_close(&json, result == POLYP_OK);
    return copied ? finish(result) : EXIT_FAILED;
}

const command cmd_evaluate = {
    .name = "evaluate",
    .operands = "[MODEL ...] DATA [DATA ...]",
    .summary = "score a model on pictures with masks, compare two, or score another program's masks",
    .details =
        "Every picture is scored at its own size. Two models are compared on the same pictures: a test of each "
        "difference, by sign flips of the groups' means. MODEL,MODEL is an ensemble: the mean of their logits. Several DATA "
        "(folders, .csv, .json) are scored as one. MODEL may be `shipped`, and is where none is named: the network that comes "
        "with polyp, or the one that the environment's POLYP_MODEL names. docs/metrics.md has every formula.",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
