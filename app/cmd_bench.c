/* polyp bench: how fast a network runs or trains here. */
#include "app.h"

typedef struct settings {
    common_settings common;
    bench_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("model", options.model, "MODEL", "a model file"),
    ROW_TEXT("preset", options.preset, "P", "or a network with random weights (not given: slim)"),
    ROW_INT("size", options.size, "S", "of the input (not given: the model's, or 256)", 32, 4096, 32),
    ROW_INT("batch", options.batch, "N", "pictures a run", 1, 4096, 1),
    ROW_FLAG("train", options.train, "time a training step, not a forward pass"),
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

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    bench_options options = s->options;
    bench_result found = {.runs = 0};
    json_target json;
    progress watched;
    (void)rest;
    if (options.model && options.preset) {
        fprintf(stderr, "polyp: bench: --model and --preset exclude each other\n");
        return EXIT_MISUSED;
    }
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
