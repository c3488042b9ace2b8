/* polyp train: a data set into a run folder with a model. */
#include <stdlib.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    polyp_train_options options;
    const char *weights;
    option_list set;
    bool resume, allow_test;
    int preview;
    size_t memory_mib;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("out", options.out, "RUN", "folder of the run (needed)"),
    ROW_TEXT("recipe", options.recipe, "NAME|FILE",
             "how to train: best, further, paper, paper-frozen, quick, wide (`polyp recipe` shows them), or a JSON file"),
    ROW_LIST("set", set, "KEY=VALUE", "change one value of the recipe, such as optimiser.rate=0.001"),
    ROW_TEXT(
        "preset", options.preset, "P",
        "network: slim, wide, coauthor, slim18, slim34, slim101, or smp-resnet18, 34, 50, 101 (not given: the recipe's, "
        "or what --init has)"),
    ROW_TEXT("encoder", options.encoder, "WEIGHTS",
             "ImageNet weights for the encoder (.pth, .safetensors), or the name of what `polyp fetch` fetched"),
    ROW_TEXT("init", options.init, "MODEL",
             "go on from a model instead, in 8 bits too; `shipped`: from the network that comes with polyp"),
    ROW_INT("size", options.size, "S", "pictures are S x S to the network (not given: the recipe's)", 32, 4096, 32),
    ROW_INT("epochs", options.epochs, "N", "times through the data (not given: the recipe's)", 1, 100000, 1),
    ROW_INT("batch", options.batch, "N", "pictures a pass (not given: the recipe's)", 1, 4096, 1),
    ROW_REAL("lr", options.learning_rate, "X", "highest learning rate (not given: the recipe's)", 1e-9, 10),
    ROW_SEED("seed", options.seed, "of weights, order and augmentation"),
    ROW_TEXT("weights", weights, "X,X,...", "a number for each DATA: its share of an epoch, relative to its size"),
    ROW_TEXT("split", options.split, "NAME", "train on splits/NAME.txt (not given: train, or every pair)"),
    ROW_TEXT("valid", options.valid, "NAME|X", "validate on a split, on a share of the training split, or none"),
    ROW_TEXT("fold", options.fold, "I/K",
             "cross-validation: keep fold I (0 to K-1) of what `polyp split` deals of the training split for the report"),
    ROW_FLAG("this-is-the-test", allow_test, "let --valid or --split be a test: `val`, `test`, a part of PraNet's TestDataset"),
    ROW_INT("preview", preview, "N", "train nothing: write RUN/preview.png, N pictures as the network will see them", 1,
            400, 1),
    ROW_FLAG("resume", resume, "go on exactly from RUN/last.safetensors"),
    ROW_CHOICE("precision", options.precision, "of the arithmetic", PRECISION_CHOICES),
    ROW_SIZE("memory-limit", memory_mib, "MIB", "refuse to need more memory than this", 1, 1 << 30),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options = polyp_train_defaults();
}

/* Where it lies: folds have folders of their own. */
static void print_model(const polyp_train_options *options)
{
    if (options->fold) {
        printf("%s/fold-%d/model.safetensors\n", options->out, atoi(options->fold));
    } else {
        printf("%s/model.safetensors\n", options->out);
    }
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    polyp_train_options options = s->options;
    char shipped[COMMANDS_PATH];
    progress watched;
    if (!options.out) {
        fprintf(stderr, "polyp: train: needs --out RUN, the folder that the run is written to\n");
        return EXIT_MISUSED;
    }
    double weights[DATA_SETS_MOST];
    if (s->weights && !set_weights_read(weights, "train", s->weights, rest->count)) return EXIT_MISUSED;
    const polyp_status named = command_model_path(shipped, &options.init);
    if (named != POLYP_OK) return finish(named);
    progress_begin(&watched, s->common.quiet);
    options.data = rest->items[0];
    options.more_data = rest->items + 1;
    options.more_count = rest->count - 1;
    options.weights = s->weights ? weights : NULL;
    options.settings = s->set.items;
    options.setting_count = s->set.count;
    options.resume = s->resume;
    options.allow_test = s->allow_test;
    options.engine = s->common.engine;
    options.threads = s->common.threads;
    options.memory_limit = s->memory_mib << 20;
    options.watch = progress_watch(&watched);
    const polyp_status result = s->preview ? command_preview(&options, s->preview) : polyp_train(&options);
    progress_end(&watched);
    if (result == POLYP_OK && s->preview) printf("%s/preview.png\n", options.out);
    if (result == POLYP_OK && !s->preview) print_model(&options);
    return finish(result);
}

const command cmd_train = {
    .name = "train",
    .operands = "DATA [DATA ...]",
    .summary = "train a network on pictures and masks",
    .details =
        "DATA holds images/ and masks/ (paired by file stem), or has another layout of the field: PraNet's or "
        "CVC-ClinicDB's folders, a .csv of pairs, a .json of COCO (docs/data.md). Optional are splits/NAME.txt, "
        "negatives.txt (pictures that show no polyp and need no mask) and groups.csv. Several DATA are trained on together. "
        "RUN gets model.safetensors (best on validation), last.safetensors (to go on from), history.csv, curves.svg "
        "and validation.png (how it goes), an event file for TensorBoard, recipe.json and log.txt. Ctrl-C saves and stops.",
    .operands_min = 1,
    .operands_max = DATA_SETS_MOST,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
