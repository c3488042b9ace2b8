/* polyp info: what a model file holds. */
#include "app.h"

static const option_row rows[] = {
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    (void)block;
    shipped_model shipped;
    const char *path = shipped.path;
    if (rest->count > 0) {
        path = rest->items[0];
    } else {
        const polyp_status there = command_shipped_model(&shipped);
        if (there != POLYP_OK) return finish(there);
        printf("file        %s\n", path);
    }
    return finish(command_info(path, stdout));
}

const command cmd_info = {
    .name = "info",
    .operands = "[FILE]",
    .summary = "tell what a file of weights holds: a model, an encoder, a checkpoint of PyTorch, an ONNX file",
    .details = "Without a FILE: the network that comes with polyp, and where it lies.",
    .operands_min = 0,
    .operands_max = 1,
    .rows = rows,
    .run = run,
};
