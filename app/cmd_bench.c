/* polyp bench: how fast a network runs or trains here. */
#include "app.h"

typedef struct settings {
    common_settings common;
    bench_options options;
    option_list set;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("model", options.model, "MODEL", "a model file"),
    ROW_TEXT("preset", options.preset, "P", "or a network with random weights (not given: slim)"),
    ROW_INT("size", options.size, "S", "of the input (not given: the model's, or 256)", 32, 4096, 32),
    ROW_INT("batch", options.batch, "N", "pictures a run", 1, 4096, 1),
    ROW_FLAG("train", options.train, "time a training step, not a forward pass"),
    ROW_TEXT("data", options.data, "DATA", "with --train: what loading from a data set adds"),
    ROW_TEXT("recipe", options.recipe, "NAME|FILE", "with --data: augmented as in this recipe (not given: best)"),
    ROW_LIST("set", set, "KEY=VALUE", "with --data: change one value of the recipe"),
    ROW_INT("runs", options.runs, "N", "timed runs (not given: about 5 s, 5 at least)", 1, 1000000, 1),
    ROW_FLAG("profile", options.profile, "a table of where the time goes"),
    ROW_TEXT("json", options.json, "FILE", "write the result as JSON; - for standard output"),
    ROW_CHOICE("precision", options.precision, "of the arithmetic", PRECISION_CHOICES),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.batch = 1;
    s->options.precision = "auto";
}

static void print_result(const bench_result *r)
{
    printf("engine        %s, %s, %d threads, %d runs\n", r->engine, r->precision, r->threads, r->runs);
    printf("fastest       %.2f ms\nmedian        %.2f ms\n95 %% below    %.2f ms\n", r->min_ms, r->median_ms,
           r->p95_ms);
    printf("images/s      %.2f\nGFLOP/s       %.1f\n", r->images_per_second, r->gflops);
    printf("memory        %.1f MiB planned, %.1f MiB highest of the process\n", (double)r->memory_needed / 1048576.0,
           (double)r->memory_peak / 1048576.0);
}

/* The steps' time says what a user waits for; the processor's what loading takes from the arithmetic, whatever else runs. */
static void print_loading(const bench_result *r)
{
    const bench_loading *const l = &r->loading;
    printf(
        "loading       %.2f ms of one core a picture, %.2f where it is decoded first: %.1f %% of a step's processor time\n",
        l->again_ms, l->first_ms, 100 * l->share);
    printf("fed step      fastest %.2f ms (%+.1f %%), median %.2f ms\n", l->fed_min_ms,
           100 * (l->fed_min_ms / r->min_ms - 1), l->fed_median_ms);
}

static bool understood(const bench_options *o)
{
    if (o->model && o->preset) {
        fprintf(stderr, "polyp: bench: --model and --preset exclude each other\n");
        return false;
    }
    if (!o->data && (o->recipe || o->setting_count)) {
        fprintf(stderr, "polyp: bench: --recipe and --set need --data, which they load\n");
        return false;
    }
    if (o->data && !o->train) {
        fprintf(stderr, "polyp: bench: --data needs --train: only training steps are fed from it\n");
        return false;
    }
    return true;
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    bench_options options = s->options;
    bench_result found = {.runs = 0};
    json_target json;
    progress watched;
    (void)rest;
    options.settings = s->set.items;
    options.setting_count = s->set.count;
    if (!understood(&options)) return EXIT_MISUSED;
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    progress_begin(&watched, s->common.quiet);
    options.json = json.path;
    options.engine = s->common.engine;
    options.threads = s->common.threads;
    options.watch = progress_watch(&watched);
    const bool plain = !json_target_is_stdout(&json);
    const polyp_status result = command_bench(&found, &options, plain ? stdout : stderr);
    progress_end(&watched);
    if (result == POLYP_OK && plain) print_result(&found);
    if (result == POLYP_OK && plain && options.data) print_loading(&found);
    return json_target_close(&json, result == POLYP_OK) ? finish(result) : EXIT_FAILED;
}

const command cmd_bench = {
    .name = "bench",
    .operands = "",
    .summary = "time a network: a forward pass, or a training step",
    .operands_min = 0,
    .operands_max = 0,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
