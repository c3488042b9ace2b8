/* polyp curves: runs side by side. */
#include <stdint.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    curves_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("out", options.out, "FILE", "draw all runs in one figure: SVG, or PNG by the ending"),
    ROW_TEXT("column", options.column, "NAME", "what to compare: a column of history.csv"),
    ROW_REAL("reach", options.reach, "X", "tell the first epoch that reached this value", 1e-9, 1e9),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.column = "valid_jaccard";
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    curves_options options = s->options;
    options.runs = rest->items;
    options.run_count = rest->count;
    return finish(command_curves(&options, stdout));
}

const command cmd_curves = {
    .name = "curves",
    .operands = "RUN...",
    .summary = "compare the histories of several runs: one figure, one table",
    .details =
        "RUN is the folder of a run, or a history.csv. The table has a line a run: how many epochs, the best value and "
        "its epoch, and with --reach the first epoch that was there.",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
