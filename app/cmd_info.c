/* polyp info: what a model file holds. */
#include "app.h"

typedef struct settings {
    common_settings common;
    bool recipe;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_FLAG("recipe", recipe, "print only how a model was trained, as JSON that `train --recipe` takes"),
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    char shipped[COMMANDS_PATH];
    const char *path = rest->count > 0 ? rest->items[0] : "shipped";
    const polyp_status named = command_model_path(shipped, &path);
    if (named != POLYP_OK) return finish(named);
    if (path == shipped && !s->recipe) printf("file        %s\n", path);
    return finish(command_info(path, s->recipe, stdout));
}

const command cmd_info = {
    .name = "info",
    .operands = "[FILE]",
    .summary = "tell what a file of weights holds: a model, an encoder, a checkpoint of PyTorch, an ONNX file",
    .details = "Without a FILE, or with `shipped`: the network that comes with polyp, and where it lies.",
    .operands_min = 0,
    .operands_max = 1,
    .rows = rows,
    .run = run,
};
