/* The parts of a run, each group of pictures in one of them alone. */
#include "learn/training_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/groups.h"
#include "learn/sampling.h"
#include "net/weights.h"

static const char VALID_DEFAULT[] = "0.1";

enum { EVERY_CORE = 0 };

/* ---- what was asked for ----------------------------------------------------------------------------- */

static status refuse_test(const char *use, const char *data, const char *split, bool allowed)
{
    if (allowed || !split || !dataset_split_is_test(data, split)) return POLYP_OK;
    return fail(
        POLYP_ERR_ARGUMENT,
        "--%s %s: %s is the %stest, and what is chosen on it cannot be scored on it; leave --%s out, or say "
        "--this-is-the-test",
        use, split, split, strcmp(split, "val") == 0 ? "official " : "", use);
}

/* The length of such a run was fixed before: every picture trains, nothing chooses. */
static bool validates(const char *valid)
{
    return strcmp(valid, "none") != 0;
}

/* "0.1" is a part of the training split, anything that is no number a split's name. */
static status parse_valid(double *fraction, const char *valid)
{
    char *end;
    *fraction = strtod(valid, &end);
    if (end == valid || *end) {
        *fraction = 0.0;
    } else if (!(*fraction > 0.0 && *fraction < 1.0)) {
        return fail(POLYP_ERR_ARGUMENT, "--valid %s: a part of the training split lies between 0 and 1, such as 0.1; none: no "
                    "validation, the last epoch is kept",
                    valid);
    }
    return POLYP_OK;
}

status fold_parse(int *fold, int *folds, const char *text)
{
    char *slash, *end;
    const long first = strtol(text, &slash, 10);
    const long second = *slash == '/' ? strtol(slash + 1, &end, 10) : 0;
    if (*slash != '/' || slash == text || end == slash + 1 || *end || second < 2 || second > 1000 || first < 0 ||
        first >= second) {
        return fail(POLYP_ERR_ARGUMENT, "--fold %s: give I/K, fold I of K, where I counts from 0: 0/5 to 4/5", text);
    }
    *fold = (int)first;
    *folds = (int)second;
    return POLYP_OK;
}

/* ---- opening data sets ------------------------------------------------------------------------------ */

static const char *data_of(const polyp_train_options *options, size_t set)
{
    return set == 0 ? options->data : options->more_data[set - 1];
}

/* Not named: "train" where a set has it. */
static const char *train_split(const polyp_train_options *options, size_t set)
{
    if (options->split) return options->split;
    return dataset_has_split(data_of(options, set), "train") ? "train" : NULL;
}

/* Of the first set; the others come for the names they share with it, and go. */
static const char *valid_split(const polyp_train_options *options, size_t set)
{
    return set == 0 ? options->valid : NULL;
}

/* All data sets with their splits; `list`: what the stems of a file over all of them name instead. */
static status open_sets(dataset *out, const polyp_train_options *options,
                        const char *(*split_of)(const polyp_train_options *, size_t), const char *list)
{
    const size_t count = 1 + options->more_count;
    data_source *sources;
    TRY(memory_new(&sources, count));
    for (size_t i = 0; i < count; i++) {
        sources[i] = (data_source){data_of(options, i), list ? NULL : split_of(options, i),
                                   options->weights ? options->weights[i] : 1.0};
    }
    const status result = dataset_open_many(out, sources, count, list);
    memory_free(sources);
    return result;
}

static status open_train(dataset *out, const polyp_train_options *options)
{
    const bool listed = options->split && dataset_split_is_list(options->split);
    return open_sets(out, options, train_split, listed ? options->split : NULL);
}

/* ---- dividing --------------------------------------------------------------------------------------- */

/* Samples of `from` whose part is `wanted`. */
static status select_part(dataset *out, const dataset *from, const enum sample_part *part, enum sample_part wanted)
{
    size_t *index, count = 0;
    TRY(memory_new(&index, from->count));
    for (size_t i = 0; i < from->count; i++) {
        if (part[i] == wanted) index[count++] = i;
    }
    const status result = dataset_select(out, from, index, count);
    memory_free(index);
    return result;
}

/* A part of the training split chooses the epoch: whole groups, so that no near-duplicate is on the other side. */
static status hold_out(enum sample_part *part, const size_t *group, size_t count, size_t groups, double fraction,
                       uint64_t seed)
{
    bool *chosen;
    TRY(memory_new(&chosen, count));
    const status result = groups_hold_out(chosen, group, count, groups, fraction, seed);
    for (size_t i = 0; i < count; i++) part[i] = chosen[i] ? PART_CHOOSE : PART_TRAIN;
    memory_free(chosen);
    return result;
}

static status divide(enum sample_part *part, const training_data *d, double fraction,
                     const polyp_train_options *options)
{
    const size_t count = d->opened.count;
    size_t *group, groups;
    status result;
    TRY(memory_new(&group, count));
    TRY_DONE(groups_find(group, &groups, &d->opened, EVERY_CORE, &options->watch));
    if (d->folds > 0) {
        TRY_DONE(groups_three_parts(part, group, count, groups, d->fold, d->folds, fraction, options->seed));
    } else {
        TRY_DONE(hold_out(part, group, count, groups, fraction, options->seed));
    }
done:
    memory_free(group);
    return result;
}

static status divide_opened(training_data *d, double fraction, const polyp_train_options *options)
{
    enum sample_part *part = NULL;
    status result;
    TRY_DONE(open_train(&d->opened, options));
    TRY_DONE(memory_new(&part, d->opened.count));
    TRY_DONE(divide(part, d, fraction, options));
    TRY_DONE(select_part(&d->train, &d->opened, part, PART_TRAIN));
    TRY_DONE(select_part(&d->valid, &d->opened, part, PART_CHOOSE));
    if (d->folds > 0) TRY_DONE(select_part(&d->report, &d->opened, part, PART_REPORT));
done:
    memory_free(part);
    return result;
}

/* ---- a validation split by name, or none ------------------------------------------------------------ */

static status open_valid(training_data *d, const polyp_train_options *options)
{
    const bool listed = dataset_split_is_list(options->valid);
    enum sample_part *part = NULL;
    status result;
    TRY_DONE(open_sets(&d->opened_valid, options, valid_split, listed ? options->valid : NULL));
    TRY_DONE(memory_new(&part, d->opened_valid.count));
    for (size_t i = 0; i < d->opened_valid.count; i++) {
        part[i] = listed || d->opened_valid.samples[i].set == 0 ? PART_CHOOSE : PART_TRAIN;
    }
    TRY_DONE(select_part(&d->valid, &d->opened_valid, part, PART_CHOOSE));
done:
    memory_free(part);
    return result;
}

/* part[i] of d->opened[i]: left out (PART_REPORT) when another set's sample is in the group of a validation sample. */
static void leave_out(enum sample_part *part, const dataset *both, size_t train_count, const size_t *group,
                      bool *validates)
{
    for (size_t i = train_count; i < both->count; i++) validates[group[i]] = true;
    for (size_t i = 0; i < train_count; i++) {
        part[i] = both->samples[i].set > 0 && validates[group[i]] ? PART_REPORT : PART_TRAIN;
    }
}

/* The same pictures are in many of the field's data sets under other names. */
static status part_from_valid(enum sample_part *part, const training_data *d, const polyp_watch *watch)
{
    const size_t trains = d->opened.count, count = trains + d->valid.count;
    dataset both = {.count = count};
    size_t *group = NULL, groups;
    bool *validates = NULL;
    status result;
    TRY_DONE(memory_new(&both.samples, count));
    memcpy(both.samples, d->opened.samples, trains * sizeof *both.samples);
    memcpy(both.samples + trains, d->valid.samples, d->valid.count * sizeof *both.samples);
    TRY_DONE(memory_new(&group, count));
    TRY_DONE(memory_new(&validates, count));
    TRY_DONE(groups_find(group, &groups, &both, EVERY_CORE, watch));
    leave_out(part, &both, trains, group, validates);
done:
    memory_free(both.samples);
    memory_free(group);
    memory_free(validates);
    return result;
}

static status open_named(training_data *d, const polyp_train_options *options)
{
    enum sample_part *part = NULL;
    status result;
    TRY_DONE(open_train(&d->opened, options));
    if (validates(options->valid)) TRY_DONE(open_valid(d, options));
    TRY_DONE(memory_new(&part, d->opened.count));
    if (d->valid.count > 0 && options->more_count > 0) TRY_DONE(part_from_valid(part, d, &options->watch));
    TRY_DONE(select_part(&d->train, &d->opened, part, PART_TRAIN));
    d->left_out = d->opened.count - d->train.count;
done:
    memory_free(part);
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

/* ---- the whole -------------------------------------------------------------------------------------- */

static status fingerprint(training_data *d)
{
    char parts[3 * 16 + 1];
    TRY(dataset_fingerprint(parts, &d->train));
    TRY(dataset_fingerprint(parts + 16, &d->valid));
    if (d->folds == 0) {
        weights_hash(d->hash, parts, 2 * 16);
        return POLYP_OK;
    }
    TRY(dataset_fingerprint(parts + 32, &d->report));
    weights_hash(d->hash, parts, 3 * 16);
    return dataset_fingerprint(d->all_hash, &d->opened);
}

/* What does not go together. */
static status check_fold(training_data *d, double fraction, const polyp_train_options *options)
{
    if (!options->fold) return POLYP_OK;
    TRY(fold_parse(&d->fold, &d->folds, options->fold));
    if (fraction > 0.0) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT,
                "--fold chooses the epoch by a part of the other folds: give --valid as a share such as 0.1, not '%s'",
                d->valid_name);
}

status training_data_open(training_data *out, const polyp_train_options *options)
{
    const char *const split = train_split(options, 0);
    polyp_train_options o = *options;
    double fraction;
    if (!o.valid) o.valid = VALID_DEFAULT;
    out->split = split ? split : "";
    out->valid_name = o.valid;
    for (size_t i = 0; i <= o.more_count; i++)
        TRY(refuse_test("split", data_of(&o, i), train_split(&o, i), o.allow_test));
    TRY(refuse_test("valid", o.data, o.valid, o.allow_test));
    TRY(parse_valid(&fraction, o.valid));
    TRY(check_fold(out, fraction, &o));
    if (fraction > 0.0) {
        TRY(divide_opened(out, fraction, &o));
    } else {
        TRY(open_named(out, &o));
        TRY(refuse_overlap(&out->train, &out->valid));
    }
    return fingerprint(out);
}

status training_data_apply(size_t *small, training_data *d, int ignore_level, double small_share, double small_weight,
                           const polyp_watch *watch)
{
    TRY(dataset_set_ignore(&d->train, ignore_level));
    TRY(dataset_set_ignore(&d->valid, ignore_level));
    TRY(dataset_set_ignore(&d->report, ignore_level));
    return sampling_weigh_small(small, &d->train, small_share, small_weight, EVERY_CORE, watch);
}

void training_data_free(training_data *data)
{
    dataset_free(&data->train);
    dataset_free(&data->valid);
    dataset_free(&data->report);
    dataset_free(&data->opened);
    dataset_free(&data->opened_valid);
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
