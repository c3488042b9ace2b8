/* polyp split: grouped folds. */
#include "app.h"

typedef struct settings {
    common_settings common;
    split_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_INT("folds", options.folds, "K", "how many folds (2 to 64)", 2, 64, 1),
    ROW_SEED("seed", options.seed, "another seed deals otherwise"),
    ROW_TEXT("split", options.split, "NAME", "deal only the pictures of splits/NAME.txt"),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.folds = 5;
}

static void print_result(const split_result *r, int folds)
{
    printf("%zu pictures in %zu groups of near-duplicates, %zu in the largest\n", r->pictures, r->groups,
           r->largest_group);
    for (int i = 0; i < folds; i++) printf("fold%d: %zu for validation\n", i, r->fold_sizes[i]);
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    split_options options = s->options;
    split_result found = {0};
    progress watched;
    progress_begin(&watched, s->common.quiet);
    options.data = rest->items[0];
    options.more_data = rest->items + 1;
    options.more_count = rest->count - 1;
    options.watch = progress_watch(&watched);
    const polyp_status result = command_split(&found, &options);
    progress_end(&watched);
    if (result == POLYP_OK) print_result(&found, options.folds);
    return finish(result);
}

const command cmd_split = {
    .name = "split",
    .operands = "DATA [DATA ...]",
    .summary = "deal data sets into folds; near-duplicates and groups stay together",
    .details =
        "Writes DATA/splits/foldI.train.txt and foldI.valid.txt, I from 0. Several data sets are dealt together, so that "
        "what one repeats of another is in the same fold. DATA/groups.csv (columns stem and group) says what else belongs "
        "together: the pictures of one examination, sequence or patient.",
    .operands_min = 1,
    .operands_max = DATA_SETS_MOST,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
