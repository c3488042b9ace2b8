/* polyp average: one model from several. */
#include "commands.h"

#include "base/file.h"
#include "learn/average_models.h"

polyp_status command_average(const average_options *options)
{
    for (size_t i = 0; i < options->model_count; i++) {
        if (!file_is_same(options->models[i], options->out)) continue;
        return fail(POLYP_ERR_ARGUMENT, "%s: is one of the models, which would be lost; give another --out", options->out);
    }
    return average_models(options->out, options->models, options->model_count);
}
