/* polyp synth: a data set drawn by the program. */
#include "app.h"

typedef struct settings {
    common_settings common;
    synth_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_SIZE("count", options.count, "N", "how many pictures", 1, 1000000),
    ROW_INT("width", options.width, "PIXELS", "of every picture (32 to 8192; not given: varied)", 32, 8192, 1),
    ROW_INT("height", options.height, "PIXELS", "of every picture (32 to 8192; not given: varied)", 32, 8192, 1),
    ROW_SEED("seed", options.seed, "another seed draws other pictures"),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.count = 100;
    s->options.seed = 1;
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    synth_options options = s->options;
    progress watched;
    progress_begin(&watched, s->common.quiet);
    options.out = rest->items[0];
    options.watch = progress_watch(&watched);
    const polyp_status result = command_synth(&options);
    progress_end(&watched);
    if (result == POLYP_OK) printf("%zu pictures with masks in %s\n", options.count, options.out);
    return finish(result);
}

const command cmd_synth = {
    .name = "synth",
    .operands = "OUT",
    .summary = "draw a data set: frames that look like colonoscopy, with their masks and splits",
    .details =
        "Writes OUT/images, OUT/masks and OUT/splits/train.txt, val.txt (every fifth picture). Equal numbers draw "
        "equal pictures.",
    .operands_min = 1,
    .operands_max = 1,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
