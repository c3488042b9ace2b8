/* polyp quantize: a model in 8 bits, and what it costs. */
#include <stdio.h>
#include <string.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    quantize_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("split", options.split, "NAME",
             "pictures of splits/NAME.txt, or of a list such as RUN/train.txt (not given: train, where there is one)"),
    ROW_INT("pictures", options.pictures, "N", "how many of them, spread evenly; 0: all", 0, 1000000, 1),
    ROW_CHOICE("range", options.range, "of the values between convolutions; auto: the one that changes Dice least",
               "auto|least-squares|99.99|99.9|largest"),
    ROW_FLAG("this-is-the-test", options.allow_test, "let --split be a test"),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.pictures = 64;
    s->options.range = "auto";
}

static void print_result(const quantize_result *r, const char *out)
{
    const double mega = 1e6;
    printf("%s: %.1f MB, from %.1f MB\n", out, (double)r->size_after / mega, (double)r->size_before / mega);
    if (r->with_polyp == 0) {
        printf("Dice: none of the %zu pictures shows a polyp\n", r->pictures);
        return;
    }
    printf("ranges of values: %s\n", r->range);
    printf("Dice on %zu pictures: %.4f in f32, %.4f in %s\n", r->with_polyp, r->before, r->after,
           strcmp(r->precision, "int8") == 0 ? "int8" : "f32 with the weights scaled back");
    printf("difference a picture: %.4f on average", r->change);
    if (r->worst[0]) printf(", %.4f at most (%s)", r->largest, r->worst);
    printf("\n");
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    quantize_options options = s->options;
    quantize_result found;
    char shipped[COMMANDS_PATH];
    progress watched;
    options.model = rest->items[0];
    const polyp_status named = command_model_path(shipped, &options.model);
    if (named != POLYP_OK) return finish(named);
    progress_begin(&watched, s->common.quiet);
    options.data = rest->items[1];
    options.out = rest->items[2];
    options.engine = s->common.engine;
    options.threads = s->common.threads;
    options.watch = progress_watch(&watched);
    const polyp_status result = command_quantize(&found, &options);
    progress_end(&watched);
    if (result == POLYP_OK) print_result(&found, options.out);
    return finish(result);
}

const command cmd_quantize = {
    .name = "quantize",
    .operands = "MODEL DATA OUT",
    .summary = "write a model in 8 bits, a quarter of the size",
    .details =
        "Weights become 8-bit whole numbers with a scale for each output channel, the values between convolutions get a range "
        "measured on pictures that MODEL was trained on. Both models are scored on these, and the differences printed. OUT "
        "is a model like any other for predict, evaluate, bench, info and export, which compute in int8 where the processor "
        "has AVX512_VNNI (--precision auto). docs/quantize.md says what it holds.",
    .operands_min = 3,
    .operands_max = 3,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
