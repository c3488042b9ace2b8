/* polyp quantize: a model in 8 bits. */
#include "commands.h"

#include <sys/stat.h>

#include "base/file.h"
#include "learn/quantise_model.h"

static size_t size_of(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 ? (size_t)facts.st_size : 0;
}

polyp_status command_quantize(quantize_result *out, const quantize_options *options)
{
    polyp_model *model = NULL;
    quantise_result found;
    const quantise_options how = {.data = options->data,
                                  .split = options->split,
                                  .pictures = options->pictures,
                                  .allow_test = options->allow_test,
                                  .range = options->range ? options->range : "auto",
                                  .engine = options->engine,
                                  .threads = options->threads,
                                  .watch = &options->watch};
    if (file_is_same(options->model, options->out)) {
        return fail(POLYP_ERR_ARGUMENT, "%s: is the model itself, which would be lost; give another name", options->out);
    }
    TRY(model_open(&model, options->model));
    const status result = quantise_model(&found, options->out, model, &how);
    polyp_model_close(model);
    if (result != POLYP_OK) return result;
    *out = (quantize_result){.pictures = found.pictures,
                             .with_polyp = found.with_polyp,
                             .before = found.before,
                             .after = found.after,
                             .change = found.change,
                             .largest = found.largest,
                             .size_before = size_of(options->model),
                             .size_after = size_of(options->out)};
    (void)snprintf(out->worst, sizeof out->worst, "%s", found.worst);
    (void)snprintf(out->range, sizeof out->range, "%s", found.range);
    (void)snprintf(out->precision, sizeof out->precision, "%s", found.precision);
    return POLYP_OK;
}
