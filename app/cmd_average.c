/* polyp average: the mean of several models' weights. */
#include <stdint.h>
#include <stdio.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    average_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("out", options.out, "FILE", "the model to write (needed)"),
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    average_options options = s->options;
    if (!options.out) {
        fprintf(stderr, "polyp: average: needs --out FILE, the model to write\n");
        return EXIT_MISUSED;
    }
    options.models = rest->items;
    options.model_count = rest->count;
    const polyp_status result = command_average(&options);
    if (result == POLYP_OK) printf("%s: the mean of %zu models\n", options.out, options.model_count);
    return finish(result);
}

const command cmd_average = {
    .name = "average",
    .operands = "MODEL MODEL...",
    .summary = "write the mean of several models' weights as one model",
    .details =
        "The models are of one preset and belong together: one was trained on from the other, or both began with the same "
        "pretrained weights. Then the mean often does better on pictures of another kind than any of them, at no cost when it "
        "is used. Unrelated models have no useful mean; `polyp predict A,B` averages what these say instead. Size and "
        "threshold are the last one's.",
    .operands_min = 2,
    .operands_max = SIZE_MAX,
    .rows = rows,
    .run = run,
};
