/* polyp import: weights of PyTorch and others into our model file. */
#include "app.h"

typedef struct settings {
    common_settings common;
    import_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_INT("size", options.size, "S", "size that pictures are squished to (not given: 256)", 32, 4096, 32),
    ROW_TEXT("licence", options.licence, "TEXT", "licence of the weights, kept in the model"),
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    import_options options = s->options;
    import_result found = {.preset = ""};
    options.in = rest->items[0];
    options.out = rest->items[1];
    const polyp_status result = command_import(&found, &options);
    if (result == POLYP_OK) {
        printf("%s: %s%s, %zu tensors, %zu values\n", options.out, found.encoder_only ? "encoder weights of " : "",
               found.preset, found.tensors, found.values);
    }
    return finish(result);
}

const command cmd_import = {
    .name = "import",
    .operands = "IN OUT",
    .summary = "turn PyTorch (.pth, .pt) or safetensors weights into a model",
    .details =
        "The preset is recognised by the tensors' names and shapes: ours, or those of segmentation_models_pytorch's Unet with "
        "a ResNet-18, 34, 50 or 101 encoder. A torchvision ResNet becomes a file of encoder weights for `polyp train "
        "--encoder`. A pickle that asks for more than tensors is refused and never executed.",
    .operands_min = 2,
    .operands_max = 2,
    .rows = rows,
    .run = run,
};
