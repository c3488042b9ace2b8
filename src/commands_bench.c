/* polyp bench: one forward pass or one training step, timed until the clock has seen enough. */
#include "commands_bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "engine/peak.h"
#include "net/loss.h"
#include "predict/model.h"

enum { WARM_UP_RUNS = 2, RUNS_LEAST = 5, RUNS_MOST = 100000, SIZE_DEFAULT = 256 };

#define ENOUGH_SECONDS 5.0

/* What is timed: a network, its plan and, for training, masks and the loss's gradient. */
typedef struct bench {
    const bench_options *options;
    polyp_model *model; /* NULL: `own` with random weights */
    graph own;
    const graph *graph;
    const engine *engine;
    enum precision precision;
    int batch;
    shape input;
    plan *plan;
    tensor masks, gradient;
    loss_function *loss;
    long step;
    double processor_seconds; /* of the timed runs, all threads */
    bench_feed feed;          /* empty without data */
} bench;

/* ---- setting up ----------------------------------------------------------------------------------------- */

static status open_network(bench *b)
{
    unet_spec spec;
    if (b->options->model) {
        TRY(model_open(&b->model, b->options->model));
        b->graph = &b->model->graph;
        return POLYP_OK;
    }
    TRY(unet_preset(&spec, b->options->preset ? b->options->preset : "slim"));
    TRY(unet_build(&b->own, &spec));
    b->graph = &b->own;
    return POLYP_OK;
}

/* A mapped model has no flat weights, and plan_load() takes both. */
static status load_weights(bench *b)
{
    if (b->model) return plan_load(b->plan, &b->model->weights);
    params random;
    TRY(params_create(&random, &b->own.params));
    params_initialise(&random, 1);
    const status result = plan_load(b->plan, &random);
    params_free(&random); /* the plan has its own */
    return result;
}

/* Values like a normalised picture's; a quarter of each mask is polyp. */
static void fill_inputs(bench *b)
{
    random_stream r = random_open(1, RANDOM_TEST, 0, 0);
    const tensor input = plan_input(b->plan);
    const size_t count = shape_count(input.shape), mask_count = shape_count(b->masks.shape);
    for (size_t i = 0; i < count; i++) input.data[i] = (float)random_uniform(&r, -2, 2);
    for (size_t i = 0; b->masks.data && i < mask_count; i++) b->masks.data[i] = i % 4 == 0;
}

static void tell(const bench *b, size_t done, size_t total, const char *message)
{
    const polyp_watch *const watch = &b->options->watch;
    const polyp_progress p = {.phase = "bench",
                              .done = done,
                              .total = total,
                              .unit = "run",
                              .loss = NAN,
                              .learning_rate = NAN,
                              .message = message};
    if (watch->report) watch->report(watch->context, &p);
}

static status choose_precision(enum precision *out, const bench *b)
{
    if (!b->model || b->options->train) return engine_precision(out, b->engine, b->options->precision);
    return engine_precision_for(out, b->engine, b->options->precision, &b->model->weights);
}

static status make_plan(bench *b, bench_result *out)
{
    plan_options options = {.mode = b->options->train ? PLAN_TRAIN : PLAN_INFER, .threads = b->options->threads};
    char words[96];
    TRY(engine_find(&b->engine, b->options->engine));
    TRY(choose_precision(&options.precision, b));
    b->precision = options.precision;
    TRY(plan_memory_needed(&out->memory_needed, b->engine, b->graph, b->input, &options));
    snprintf(words, sizeof words, "bench: needs %.1f MiB", (double)out->memory_needed / 1048576.0);
    tell(b, 0, 0, words);
    return plan_create(&b->plan, b->engine, b->graph, b->input, &options);
}

/* `wanted`: the size; 0: the model's own. */
static status set_up(bench *b, bench_result *out, int wanted)
{
    TRY(open_network(b));
    const int own_size = b->model ? b->model->facts.size : SIZE_DEFAULT;
    const int size = wanted > 0 ? wanted : own_size;
    const shape logits = {b->batch, 1, size, size};
    b->input = (shape){b->batch, 3, size, size};
    TRY(make_plan(b, out));
    TRY(load_weights(b));
    if (b->options->train) {
        TRY(tensor_create(&b->masks, logits));
        TRY(tensor_create(&b->gradient, logits));
        loss_spec spec = loss_defaults();
        spec.kind = LOSS_BCE_DICE;
        TRY(loss_open(&b->loss, &spec, logits));
    }
    fill_inputs(b);
    return bench_feed_open(&b->feed, b->options, size, b->batch);
}

static void tear_down(bench *b)
{
    bench_feed_close(&b->feed);
    plan_destroy(b->plan);
    tensor_free(&b->masks);
    tensor_free(&b->gradient);
    loss_close(b->loss);
    graph_free(&b->own);
    polyp_model_close(b->model);
}

/* ---- timing --------------------------------------------------------------------------------------------- */

static status run_once(bench *b)
{
    TRY(plan_forward(b->plan));
    if (!b->options->train) return POLYP_OK;
    const tensor logits = plan_logits(b->plan);
    const step_rule rule = {.beta1 = 0.9,
                            .beta2 = 0.999,
                            .epsilon = 1e-8,
                            .rate = {1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5},
                            .decay = 0.01,
                            .gradient_scale = 1,
                            .step = ++b->step};
    loss_compute(b->loss, &b->gradient, &logits, &b->masks);
    TRY(plan_backward(b->plan, &b->gradient));
    return plan_step(b->plan, &rule);
}

/* A training step with its batch from the data. */
static status run_fed(bench *b)
{
    tensor input = plan_input(b->plan);
    TRY(bench_feed_next(&b->feed, &input, &b->masks));
    return run_once(b);
}

static status warm_up(bench *b, double *seconds)
{
    for (int i = 0; i < WARM_UP_RUNS; i++) {
        const double begin = clock_seconds();
        TRY(run_once(b));
        *seconds = clock_seconds() - begin;
    }
    return POLYP_OK;
}

static size_t runs_wanted(const bench_options *options, double seconds)
{
    if (options->runs > 0) return (size_t)options->runs;
    const double enough = ENOUGH_SECONDS / fmax(seconds, 1e-9);
    return (size_t)fmin(fmax(enough, RUNS_LEAST), RUNS_MOST);
}

static status time_runs(bench *b, double *times, size_t runs, status (*run)(bench *b))
{
    const polyp_watch *const watch = &b->options->watch;
    const double processor = clock_process_seconds();
    for (size_t i = 0; i < runs; i++) {
        const double begin = clock_seconds();
        TRY(run(b));
        times[i] = clock_seconds() - begin;
        const polyp_progress p = {
            .phase = "bench", .done = i + 1, .total = runs, .unit = "run", .loss = NAN, .learning_rate = NAN};
        if (watch->report && watch->report(watch->context, &p)) {
            return fail(POLYP_STOPPED, "stopped after %zu of %zu runs", i + 1, runs);
        }
    }
    b->processor_seconds = clock_process_seconds() - processor;
    return POLYP_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Floating point operations of one run; a training step does the convolutions' work three times. */
static status count_flops(const bench *b, double *out)
{
    shape *shapes = NULL;
    TRY(memory_new(&shapes, (size_t)b->graph->count));
    const status result = graph_shapes(b->graph, b->input, shapes);
    if (result == POLYP_OK) *out = 2 * graph_multiply_adds(b->graph, shapes) * (b->options->train ? 3 : 1);
    memory_free(shapes);
    return result;
}

/* `times` in order. */
static double median_of(const double *times, size_t runs)
{
    return runs % 2 ? times[runs / 2] : (times[runs / 2 - 1] + times[runs / 2]) / 2;
}

static status summarise(const bench *b, double *times, size_t runs, bench_result *out)
{
    double flops;
    TRY(count_flops(b, &flops));
    qsort(times, runs, sizeof *times, compare_doubles);
    const double median = median_of(times, runs);
    const size_t p95 = (size_t)ceil(0.95 * (double)runs) - 1; /* nearest rank */
    out->min_ms = 1e3 * times[0];
    out->median_ms = 1e3 * median;
    out->p95_ms = 1e3 * times[p95];
    out->images_per_second = b->batch / median;
    out->ms_per_megapixel = 1e9 * times[0] / ((double)b->batch * b->input.h * b->input.w);
    out->gflops = 1e-9 * flops / times[0];
    out->memory_peak = memory_peak();
    out->size = b->input.h;
    out->batch = b->batch;
    out->train = b->options->train;
    out->runs = (int)runs;
    out->threads = b->options->threads > 0 ? b->options->threads : processor_count();
    snprintf(out->preset, sizeof out->preset, "%s", b->graph->preset);
    snprintf(out->engine, sizeof out->engine, "%s", engine_name(b->engine));
    snprintf(out->precision, sizeof out->precision, "%s", precision_name(b->precision));
    return POLYP_OK;
}

/* The loader alone, then steps that wait for it. The first ones find batches made while nothing else ran: not counted. */
static status time_feed(bench *b, double *times, size_t runs, bench_result *out)
{
    enum { MADE_AHEAD = 3 };
    if (!b->feed.loader) return POLYP_OK;
    const double step_ms = 1e3 * b->processor_seconds / (double)runs;
    TRY(bench_feed_alone(&b->feed, &out->loading));
    out->loading.share = out->loading.again_ms * b->batch / step_ms;
    TRY(time_runs(b, times, MADE_AHEAD < runs ? MADE_AHEAD : runs, run_fed));
    TRY(time_runs(b, times, runs, run_fed));
    qsort(times, runs, sizeof *times, compare_doubles);
    out->loading.fed_min_ms = 1e3 * times[0];
    out->loading.fed_median_ms = 1e3 * median_of(times, runs);
    return POLYP_OK;
}

/* ---- the profile ---------------------------------------------------------------------------------------- */

static int compare_timings(const void *a, const void *b)
{
    const plan_timing *const x = a, *const y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* Apart from the timed runs: looking at the clock between ops costs time. */
static status profile(bench *b, bench_row *row)
{
    int count = 0;
    TRY(plan_profile(b->plan, true));
    for (int i = 0; i < BENCH_PROFILED_RUNS; i++) TRY(run_once(b));
    const plan_timing *const timings = plan_timings(b->plan, &count);
    TRY(memory_new(&row->profile, (size_t)count));
    for (int i = 0; i < count; i++) {
        if (timings[i].runs > 0) row->profile[row->profile_count++] = timings[i];
    }
    qsort(row->profile, (size_t)row->profile_count, sizeof *row->profile, compare_timings);
    return POLYP_OK;
}

/* ---- the machine ---------------------------------------------------------------------------------------- */

/* The bytes' loop fills some hundred MiB: only after the network's own memory has been read. */
static status measure_machine(bench_machine *out, const char *precision, int threads)
{
    static const char *const NAMES[] = {[PEAK_F32] = "f32", [PEAK_BF16] = "bf16", [PEAK_INT8] = "int8"};
    for (int kind = PEAK_F32; kind <= PEAK_INT8; kind++) {
        const peak_loop *const l = peak_loop_of((enum peak_kind)kind);
        if (strcmp(NAMES[kind], precision) != 0 || l == NULL) continue;
        out->gflops = peak_gflops((enum peak_kind)kind, threads);
        snprintf(out->instructions, sizeof out->instructions, "%s", l->name);
    }
    return peak_bandwidth(&out->gbytes_per_second, threads);
}

/* ---- the command ---------------------------------------------------------------------------------------- */

static status bench_one(bench_row *row, bench *b, int size)
{
    double seconds, *sorted = NULL;
    status result;
    TRY_DONE(set_up(b, &row->result, size));
    TRY_DONE(warm_up(b, &seconds));
    const size_t runs = runs_wanted(b->options, seconds);
    TRY_DONE(memory_new(&row->times, runs));
    TRY_DONE(memory_new(&sorted, runs));
    TRY_DONE(time_runs(b, row->times, runs, run_once));
    memcpy(sorted, row->times, runs * sizeof *sorted);
    TRY_DONE(summarise(b, sorted, runs, &row->result));
    TRY_DONE(time_feed(b, sorted, runs, &row->result));
    if (b->options->profile) TRY_DONE(profile(b, row));
done:
    memory_free(sorted);
    tear_down(b);
    return result;
}

static status bench_all(bench_row *rows, const bench_options *options)
{
    const size_t batches = options->batch_count > 0 ? options->batch_count : 1, count = bench_count(options);
    for (size_t i = 0; i < count; i++) {
        const int size = options->size_count > 0 ? options->sizes[i / batches] : 0;
        bench b = {.options = options, .batch = options->batch_count > 0 ? options->batches[i % batches] : 1};
        TRY(bench_one(&rows[i], &b, size));
    }
    if (!options->machine) return POLYP_OK;
    TRY(measure_machine(&rows[0].result.machine, rows[0].result.precision, rows[0].result.threads));
    for (size_t i = 1; i < count; i++) rows[i].result.machine = rows[0].result.machine;
    return POLYP_OK;
}

status command_bench(bench_result *out, const bench_options *options, FILE *profile_to)
{
    const size_t count = bench_count(options);
    bench_row *rows = NULL;
    status result;
    TRY_DONE(memory_new(&rows, count));
    TRY_DONE(bench_all(rows, options));
    if (options->json) TRY_DONE(bench_write_json(options->json, rows, count));
    for (size_t i = 0; i < count; i++) {
        if (options->profile) bench_print_profile(&rows[i], profile_to);
        out[i] = rows[i].result;
    }
done:
    bench_rows_free(rows, count);
    return result;
}
