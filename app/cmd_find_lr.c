/* polyp find-lr: the learning-rate range test. */
#include "app.h"

typedef struct settings {
    common_settings common;
    find_lr_options options;
    const char *weights;
    option_list set;
    bool allow_test;
    size_t memory_mib;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("out", options.train.out, "RUN", "folder for lr.csv, lr.svg and lr.png (needed)"),
    ROW_REAL("lowest", options.lowest, "X", "rate of the first step", 1e-12, 10),
    ROW_REAL("highest", options.highest, "X", "rate behind the last step", 1e-12, 1000),
    ROW_INT("steps", options.steps, "N", "of the whole test; it ends before when the loss diverges", 20, 100000, 1),
    ROW_TEXT("recipe", options.train.recipe, "NAME|FILE", "how to train, as for `polyp train`"),
    ROW_LIST("set", set, "KEY=VALUE", "change one value of the recipe"),
    ROW_TEXT("preset", options.train.preset, "P", "network (not given: the recipe's, or what --init has)"),
    ROW_TEXT("encoder", options.train.encoder, "WEIGHTS", "ImageNet weights for the encoder, as for `polyp train`"),
    ROW_TEXT("init", options.train.init, "MODEL", "go on from a model instead, as for `polyp train`"),
    ROW_INT("size", options.train.size, "S", "pictures are S x S to the network (not given: the recipe's)", 32, 4096,
            32),
    ROW_INT("batch", options.train.batch, "N", "pictures a pass (not given: the recipe's)", 1, 4096, 1),
    ROW_SEED("seed", options.train.seed, "of weights, order and augmentation"),
    ROW_TEXT("weights", weights, "X,X,...", "a number for each DATA: its share of an epoch, relative to its size"),
    ROW_TEXT("split", options.train.split, "NAME", "train on splits/NAME.txt (not given: train, or every pair)"),
    ROW_TEXT("valid", options.train.valid, "NAME|X",
             "leave out the pictures that `train` validates on with this option"),
    ROW_FLAG("this-is-the-test", allow_test, "let --valid be the official test split `val`"),
    ROW_CHOICE("precision", options.train.precision, "of the arithmetic", PRECISION_CHOICES),
    ROW_SIZE("memory-limit", memory_mib, "MIB", "refuse to need more memory than this", 1, 1 << 30),
    ROW_TEXT("json", options.json, "FILE", "write the suggestions as JSON; - for standard output"),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options = (find_lr_options){.train = polyp_train_defaults(), .lowest = 1e-7, .highest = 10.0, .steps = 100};
}

static void fill(polyp_train_options *train, const settings *s, const arguments *rest)
{
    train->data = rest->items[0];
    train->more_data = rest->items + 1;
    train->more_count = rest->count - 1;
    train->settings = s->set.items;
    train->setting_count = s->set.count;
    train->allow_test = s->allow_test;
    train->engine = s->common.engine;
    train->threads = s->common.threads;
    train->memory_limit = s->memory_mib << 20;
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    find_lr_options options = s->options;
    find_lr_result found;
    double weights[DATA_SETS_MOST];
    char shipped[COMMANDS_PATH];
    json_target json;
    progress watched;
    if (!options.train.out) {
        fprintf(stderr, "polyp: find-lr: needs --out RUN, the folder that the curve is written to\n");
        return EXIT_MISUSED;
    }
    if (s->weights && !set_weights_read(weights, "find-lr", s->weights, rest->count)) return EXIT_MISUSED;
    const polyp_status named = command_model_path(shipped, &options.train.init);
    if (named != POLYP_OK) return finish(named);
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    fill(&options.train, s, rest);
    options.train.weights = s->weights ? weights : NULL;
    options.json = json.path;
    progress_begin(&watched, s->common.quiet);
    options.train.watch = progress_watch(&watched);
    const polyp_status result = command_find_lr(&found, &options);
    progress_end(&watched);
    if (result == POLYP_OK && !json_target_is_stdout(&json))
        printf("valley        %.3g\nsteep         %.3g\nminimum / 10  %.3g\n", found.valley, found.steep,
               found.minimum);
    return json_target_close(&json, result == POLYP_OK) ? finish(result) : EXIT_FAILED;
}

const command cmd_find_lr = {
    .name = "find-lr",
    .operands = "DATA [DATA ...]",
    .summary = "suggest a learning rate: the range test of Smith and fastai",
    .details =
        "Trains for a few steps while the rate grows, as `polyp train` would with the same options, and keeps no weights. "
        "Three rates are read off the smoothed loss, as fastai does: in the longest valley, where it falls fastest, and "
        "a tenth of where it is lowest. Take one as --lr, the valley's when in doubt.",
    .operands_min = 1,
    .operands_max = DATA_SETS_MOST,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
