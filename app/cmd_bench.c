/* polyp bench: how fast a network runs or trains here. */
#include "app.h"

typedef struct settings {
    common_settings common;
    bench_options options;
    int_list sizes, batches;
    option_list set;
    bool no_machine;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("model", options.model, "MODEL", "a model file; `shipped`: the network that comes with polyp"),
    ROW_TEXT("preset", options.preset, "P", "or a network with random weights (not given: slim)"),
    ROW_INTS("size", sizes, "S[,S...]", "of the input (not given: the model's, or 256)", 32, 4096, 32),
    ROW_INTS("batch", batches, "N[,N...]", "pictures a run (not given: 1)", 1, 4096, 1),
    ROW_FLAG("train", options.train, "time a training step, not a forward pass"),
    ROW_TEXT("data", options.data, "DATA", "with --train: what loading from a data set adds"),
    ROW_TEXT("recipe", options.recipe, "NAME|FILE", "with --data: augmented as in this recipe (not given: best)"),
    ROW_LIST("set", set, "KEY=VALUE", "with --data: change one value of the recipe"),
    ROW_INT("runs", options.runs, "N", "timed runs (not given: about 5 s, 5 at least)", 1, 1000000, 1),
    ROW_FLAG("profile", options.profile, "a table of where the time goes: speed, bytes and shares of the machine's"),
    ROW_FLAG("no-peak", no_machine, "do not measure what the machine can do at most (0.5 s)"),
    ROW_TEXT("json", options.json, "FILE", "write the result as JSON; - for standard output"),
    ROW_CHOICE("precision", options.precision, "of the arithmetic; int8: of a model by quantize", PREDICT_PRECISION_CHOICES),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.precision = "auto";
}

static double share(const bench_result *r)
{
    return r->machine.gflops > 0 ? 100 * r->gflops / r->machine.gflops : 0;
}

static void print_machine(const bench_machine *m)
{
    if (m->gflops > 0) printf("machine       %.1f GFLOP/s by %s, ", m->gflops, m->instructions);
    else printf("machine       ");
    printf("%.1f GB/s from memory\n", m->gbytes_per_second);
}

static void print_result(const bench_result *r)
{
    printf("engine        %s, %s, %d threads, %d runs\n", r->engine, r->precision, r->threads, r->runs);
    printf("fastest       %.2f ms\nmedian        %.2f ms\n95 %% below    %.2f ms\n", r->min_ms, r->median_ms,
           r->p95_ms);
    printf("images/s      %.2f\nms/megapixel  %.2f\nGFLOP/s       %.1f", r->images_per_second, r->ms_per_megapixel,
           r->gflops);
    if (r->machine.gflops > 0) printf(", %.1f %% of the machine's", share(r));
    printf("\nmemory        %.1f MiB planned, %.1f MiB highest of the process\n", (double)r->memory_needed / 1048576.0,
           (double)r->memory_peak / 1048576.0);
    if (r->machine.gbytes_per_second > 0) print_machine(&r->machine);
}

/* Several sizes or batches: a line for each. */
static void print_table(const bench_result *results, size_t count)
{
    const bench_result *const first = results;
    printf("engine        %s, %s, %d threads\n", first->engine, first->precision, first->threads);
    if (first->machine.gbytes_per_second > 0) print_machine(&first->machine);
    printf("%5s %5s %10s %10s %10s %9s %12s %9s %6s %8s\n", "size", "batch", "fastest ms", "median ms", "95% below",
           "images/s", "ms/megapixel", "GFLOP/s", "peak%", "MiB");
    for (size_t i = 0; i < count; i++) {
        const bench_result *const r = &results[i];
        printf("%5d %5d %10.2f %10.2f %10.2f %9.2f %12.2f %9.1f %6.1f %8.1f\n", r->size, r->batch, r->min_ms,
               r->median_ms, r->p95_ms, r->images_per_second, r->ms_per_megapixel, r->gflops, share(r),
               (double)r->memory_needed / 1048576.0);
    }
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

static void print_results(const bench_result *results, size_t count, bool loading)
{
    if (count > 1) print_table(results, count);
    else print_result(results);
    for (size_t i = 0; loading && i < count; i++) print_loading(&results[i]);
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

static bench_options options_of(const settings *s)
{
    bench_options options = s->options;
    options.sizes = s->sizes.items;
    options.size_count = s->sizes.count;
    options.batches = s->batches.items;
    options.batch_count = s->batches.count;
    options.settings = s->set.items;
    options.setting_count = s->set.count;
    options.machine = !s->no_machine;
    options.engine = s->common.engine;
    options.threads = s->common.threads;
    return options;
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    bench_options options = options_of(s);
    bench_result results[OPTION_INTS_MOST * OPTION_INTS_MOST];
    char shipped[COMMANDS_PATH];
    json_target json;
    progress watched;
    (void)rest;
    if (!understood(&options)) return EXIT_MISUSED;
    const polyp_status named = command_model_path(shipped, &options.model);
    if (named != POLYP_OK) return finish(named);
    if (!json_target_open(&json, options.json)) return EXIT_FAILED;
    progress_begin(&watched, s->common.quiet);
    options.json = json.path;
    options.watch = progress_watch(&watched);
    const bool plain = !json_target_is_stdout(&json);
    const polyp_status result = command_bench(results, &options, plain ? stdout : stderr);
    progress_end(&watched);
    if (result == POLYP_OK && plain) print_results(results, bench_count(&options), options.data != NULL);
    return json_target_close(&json, result == POLYP_OK) ? finish(result) : EXIT_FAILED;
}

const command cmd_bench = {
    .name = "bench",
    .operands = "",
    .summary = "time a network: a forward pass, or a training step",
    .details = "Two runs warm up. GFLOP/s and milliseconds a megapixel belong to the fastest run, images a second to the "
               "median. Shares are of what this machine does at most, measured in the same run with as many threads: "
               "multiply-adds in registers, and bytes from and to memory. Arithmetic is counted as the direct algorithm "
               "needs it, so Winograd's may pass 100 %.",
    .operands_min = 0,
    .operands_max = 0,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
