/* Where a run writes. */
#include "base/file.h"
#include "learn/trainer_impl.h"

status run_paths_create(run_paths *out, const char *folder, bool resume)
{
    TRY(folder_create(folder));
    const struct {
        char **path;
        const char *name;
    } files[] = {
        {&out->model, "model.safetensors"}, {&out->last, "last.safetensors"}, {&out->history, "history.csv"},
        {&out->recipe, "recipe.json"},      {&out->curves, "curves.svg"},     {&out->log, "log.txt"},
        {&out->train, "train.txt"},         {&out->valid, "valid.txt"},       {&out->report, "report.txt"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        *files[i].path = path_join(folder, files[i].name);
        if (!*files[i].path) return POLYP_ERR_MEMORY;
    }
    if (!resume && file_exists(out->last)) {
        return fail(POLYP_ERR_ARGUMENT, "%s: a run is there already; go on with --resume, or take another folder",
                    folder);
    }
    return POLYP_OK;
}

void run_paths_free(run_paths *paths)
{
    char *const all[] = {paths->model, paths->last,  paths->history, paths->recipe, paths->curves,
                         paths->log,   paths->train, paths->valid,   paths->report};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) memory_free(all[i]);
    *paths = (run_paths){0};
}
