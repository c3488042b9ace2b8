/* polyp export: a model for other programs. */
#include "app.h"

typedef struct settings {
    common_settings common;
    export_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_INT("size", options.size, "S", "ONNX: the input is S x S (not given: the model's)", 32, 4096, 32),
    ROW_FLAG("any-size", options.any_size, "ONNX: height and width are free, in multiples of 32"),
    ROW_FLAG("preprocess", options.preprocess, "ONNX: takes RGB bytes of any size, gives probabilities at that size"),
    ROW_FLAG("keep-norm", options.keep_norm, "ONNX: batch norm stays, not folded into the convolutions"),
    ROW_END,
};

static void print_result(const export_result *r, const export_options *o)
{
    printf("%s: %s, %zu tensors, %zu values", o->out, r->preset, r->tensors, r->values);
    if (r->opset > 0) printf(", ONNX opset %d", r->opset);
    if (r->opset > 0 && r->size > 0) printf(", %d x %d", r->size, r->size);
    printf("\n");
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    export_options options = s->options;
    export_result found = {.preset = ""};
    char shipped[COMMANDS_PATH];
    options.model = rest->items[0];
    options.out = rest->items[1];
    const polyp_status named = command_model_path(shipped, &options.model);
    if (named != POLYP_OK) return finish(named);
    const polyp_status result = command_export(&found, &options);
    if (result == POLYP_OK) print_result(&found, &options);
    return finish(result);
}

const command cmd_export = {
    .name = "export",
    .operands = "MODEL OUT",
    .summary = "write a model for other programs: OUT.onnx, or OUT.safetensors for PyTorch",
    .details =
        "ONNX: input f32 (batch, 3, S, S), normalised as the metadata say; output logits (batch, 1, S, S). With --preprocess: "
        "input picture, u8 RGB (batch, height, width, 3); outputs logits and probability (batch, 1, height, width). Weights "
        "for PyTorch keep our names; those of an smp-... preset get segmentation_models_pytorch's.",
    .operands_min = 2,
    .operands_max = 2,
    .rows = rows,
    .run = run,
};
