/* Where a run writes, and which pictures it trains and validates on. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "learn/groups.h"
#include "learn/trainer_impl.h"

/* ---- folder ----------------------------------------------------------------------------------------- */

status run_paths_create(run_paths *out, const char *folder, bool resume)
{
    TRY(folder_create(folder));
    const struct {
        char **path;
        const char *name;
    } files[] = {
        {&out->model, "model.safetensors"}, {&out->last, "last.safetensors"}, {&out->history, "history.csv"},
        {&out->recipe, "recipe.json"},      {&out->curves, "curves.svg"},     {&out->log, "log.txt"},
        {&out->train, "train.txt"},         {&out->valid, "valid.txt"},
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
    char *const all[] = {paths->model,  paths->last, paths->history, paths->recipe,
                         paths->curves, paths->log,  paths->train,   paths->valid};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) memory_free(all[i]);
    *paths = (run_paths){0};
}

/* ---- data ------------------------------------------------------------------------------------------- */

static const char TEST_SPLIT[] = "val";
static const char VALID_DEFAULT[] = "0.1";

enum { DECODERS = 2 };

static status refuse_test(const char *use, const char *split, bool allowed)
{
    if (allowed || !split || strcmp(split, TEST_SPLIT) != 0) return POLYP_OK;
    return fail(
        POLYP_ERR_ARGUMENT,
        "--%s val: val is the official test, and what is chosen on it cannot be scored on it; leave --%s out, or say "
        "--this-is-the-test",
        use, use);
}

/* "0.1" is a part of the training split, anything that is no number a split's name. */
static status parse_valid(double *fraction, const char *valid)
{
    char *end;
    *fraction = strtod(valid, &end);
    if (end == valid || *end) {
        *fraction = 0.0;
    } else if (!(*fraction > 0.0 && *fraction < 1.0)) {
        return fail(POLYP_ERR_ARGUMENT, "--valid %s: a part of the training split lies between 0 and 1, such as 0.1",
                    valid);
    }
    return POLYP_OK;
}

/* Samples of `opened` for which chosen[i] == wanted. */
static status select_part(dataset *out, const dataset *opened, const bool *chosen, bool wanted)
{
    size_t *index, count = 0;
    TRY(memory_new(&index, opened->count));
    for (size_t i = 0; i < opened->count; i++) {
        if (chosen[i] == wanted) index[count++] = i;
    }
    const status result = dataset_select(out, opened, index, count);
    memory_free(index);
    return result;
}

/* Near-duplicates of a training picture must not be in validation: whole groups are held out. */
static status hold_out(training_data *d, double fraction, const polyp_train_options *options)
{
    const size_t count = d->opened.count;
    size_t *group = NULL, groups;
    bool *chosen = NULL;
    status result;
    TRY_DONE(memory_new(&group, count));
    TRY_DONE(memory_new(&chosen, count));
    TRY_DONE(groups_find(group, &groups, &d->opened, DECODERS, &options->watch));
    TRY_DONE(groups_hold_out(chosen, group, count, groups, fraction, options->seed));
    TRY_DONE(select_part(&d->train, &d->opened, chosen, false));
    TRY_DONE(select_part(&d->valid, &d->opened, chosen, true));
done:
    memory_free(group);
    memory_free(chosen);
    return result;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static status refuse_overlap(const dataset *train, const dataset *valid)
{
    const char **stems;
    TRY(memory_new(&stems, train->count));
    for (size_t i = 0; i < train->count; i++) stems[i] = train->samples[i].stem;
    qsort(stems, train->count, sizeof *stems, compare_texts);
    status result = POLYP_OK;
    for (size_t i = 0; i < valid->count && result == POLYP_OK; i++) {
        if (!bsearch(&valid->samples[i].stem, stems, train->count, sizeof *stems, compare_texts)) continue;
        result = fail(POLYP_ERR_ARGUMENT, "%s is in the training and in the validation pictures; give other splits",
                      valid->samples[i].stem);
    }
    memory_free(stems);
    return result;
}

static status fingerprint(training_data *d)
{
    char both[33];
    TRY(dataset_fingerprint(both, &d->train));
    TRY(dataset_fingerprint(both + 16, &d->valid));
    weights_hash(d->hash, both, 32);
    return POLYP_OK;
}

static const char *default_split(const polyp_train_options *options)
{
    if (options->split) return options->split;
    return dataset_has_split(options->data, "train") ? "train" : NULL;
}

status training_data_open(training_data *out, const polyp_train_options *options)
{
    const char *const split = default_split(options);
    double fraction;
    out->split = split ? split : "";
    out->valid_name = options->valid ? options->valid : VALID_DEFAULT;
    TRY(refuse_test("split", split, options->allow_test));
    TRY(refuse_test("valid", out->valid_name, options->allow_test));
    TRY(parse_valid(&fraction, out->valid_name));
    if (fraction > 0.0) {
        TRY(dataset_open(&out->opened, options->data, split));
        TRY(hold_out(out, fraction, options));
    } else {
        TRY(dataset_open(&out->train, options->data, split));
        TRY(dataset_open(&out->valid, options->data, out->valid_name));
        TRY(refuse_overlap(&out->train, &out->valid));
    }
    return fingerprint(out);
}

void training_data_free(training_data *data)
{
    dataset_free(&data->train);
    dataset_free(&data->valid);
    dataset_free(&data->opened);
}

status write_stems(const char *path, const dataset *data)
{
    file_writer *w;
    TRY(file_create(&w, path));
    status result = POLYP_OK;
    for (size_t i = 0; i < data->count && result == POLYP_OK; i++)
        result = file_print(w, "%s\n", data->samples[i].stem);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}
