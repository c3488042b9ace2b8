/* polyp check-scores: can published numbers be true? */
#include "app.h"

typedef struct settings {
    common_settings common;
    check_scores_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("jaccard", options.jaccard, "X", "mean Jaccard index, IoU"),
    ROW_TEXT("dsc", options.dsc, "X", "Dice coefficient, F1"),
    ROW_TEXT("recall", options.recall, "X", "sensitivity"),
    ROW_TEXT("precision", options.precision, "X", "precision"),
    ROW_TEXT("accuracy", options.accuracy, "X", "share of all pixels that are right"),
    ROW_TEXT("f2", options.f2, "X", "F-beta with beta 2"),
    ROW_TEXT("json", options.json, "FILE", "write the verdicts as JSON; - for standard output"),
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    check_scores_options options = s->options;
    json_target json;
    (void)rest;
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    options.json = json.path;
    const polyp_status result = command_check_scores(&options, json_target_is_stdout(&json) ? NULL : stdout);
    const bool copied = json_target_close(&json, result == POLYP_OK);
    return copied ? finish(result) : EXIT_FAILED;
}

const command cmd_check_scores = {
    .name = "check-scores",
    .operands = "",
    .summary = "tell which averagings can have produced published numbers",
    .details =
        "Give two numbers or more as they were printed (.8926 or 89.26): the decimals give the rounding. Numbers that "
        "no hard masks can have under an averaging are told, and by how much at least one of them is off.",
    .rows = rows,
    .run = run,
};
