/* polyp info: what a model file holds. */
#include "app.h"

static const option_row rows[] = {
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    (void)block;
    return finish(command_info(rest->items[0], stdout));
}

const command cmd_info = {
    .name = "info",
    .operands = "FILE",
    .summary = "tell what a file of weights holds: a model, an encoder, a checkpoint of PyTorch, an ONNX file",
    .operands_min = 1,
    .operands_max = 1,
    .rows = rows,
    .run = run,
};
