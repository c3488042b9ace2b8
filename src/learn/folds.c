/* The folds' files: written, read back, compared and summed up. */
#include "learn/folds.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { FOLD_FILE_LIMIT = 1 << 20 };

char *fold_folder(const char *out, int fold)
{
    return memory_format("%s/fold-%d", out, fold);
}

static char *fold_path(const char *out, int fold, const char *name)
{
    return memory_format("%s/fold-%d/%s", out, fold, name);
}

static status no_memory(void)
{
    return fail(POLYP_ERR_MEMORY, "no memory for the folds' scores");
}

/* ---- writing one ------------------------------------------------------------------------------------ */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null(); /* JSON has no NaN */
}

static json_t *metrics_json(const polyp_metrics *m)
{
    return json_pack("{so so so so so so}", "jaccard", number(m->jaccard), "dsc", number(m->dsc), "recall",
                     number(m->recall), "precision", number(m->precision), "accuracy", number(m->accuracy), "f2",
                     number(m->f2));
}

/* Takes over `root`, which may be NULL: no memory. */
static status write_json(const char *path, json_t *root)
{
    char *const text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(root);
    if (!text) return no_memory();
    char *const whole = memory_format("%s\n", text);
    free(text);
    if (!whole) return POLYP_ERR_MEMORY;
    const status result = file_replace(path, whole, strlen(whole));
    memory_free(whole);
    return result;
}

status fold_write(const char *out, const fold_facts *facts, const polyp_evaluation *reported)
{
    json_t *const record = json_loads(facts->record, 0, NULL);
    char *const path = fold_path(out, facts->fold, "fold.json");
    status result = POLYP_ERR_MEMORY;
    if (!record) result = no_memory();
    if (record && path) {
        result = write_json(
            path,
            json_pack("{si si ss sO sI sI sI so so}", "fold", facts->fold, "folds", facts->folds, "data_hash",
                      facts->data_hash, "record", record, "images", (json_int_t)reported->images, "without_polyp",
                      (json_int_t)reported->without_polyp, "false_alarms", (json_int_t)reported->false_alarms,
                      "per_image", metrics_json(&reported->per_image), "pooled", metrics_json(&reported->pooled)));
    }
    json_decref(record);
    memory_free(path);
    return result;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* *out NULL: that fold is not there yet. json_decref() it. */
static status read_fold(json_t **out, const char *path)
{
    file_bytes bytes;
    json_error_t error;
    *out = NULL;
    if (!file_exists(path)) return POLYP_OK;
    TRY(file_read(&bytes, path, FOLD_FILE_LIMIT));
    *out = json_loadb((const char *)bytes.data, bytes.size, 0, &error);
    file_close(&bytes);
    if (json_is_object(*out)) return POLYP_OK;
    json_decref(*out);
    *out = NULL;
    return fail(POLYP_ERR_FORMAT, "%s: not the scores of a fold; remove it and train that fold again", path);
}

/* A copy without what differs between folds. */
static json_t *without_fold(const json_t *record)
{
    json_t *const copy = json_deep_copy(record);
    (void)json_object_del(copy, "fold");
    (void)json_object_del(json_object_get(copy, "run"), "fold");
    return copy;
}

static bool same_record(const json_t *record, const char *mine)
{
    json_t *const given = json_loads(mine, 0, NULL), *const a = without_fold(record), *const b = without_fold(given);
    const bool same = a && b && json_equal(a, b);
    json_decref(given);
    json_decref(a);
    json_decref(b);
    return same;
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static status check_fold(const json_t *fold, const fold_facts *facts, const char *path)
{
    static const char advice[] = "give each cross-validation a folder of its own";
    const json_int_t folds = json_integer_value(json_object_get(fold, "folds"));
    if (folds != facts->folds) {
        return fail(POLYP_ERR_MISMATCH, "%s: one of %lld folds, not of %d; %s", path, (long long)folds, facts->folds,
                    advice);
    }
    if (!is_text(json_object_get(fold, "data_hash"), facts->data_hash)) {
        return fail(POLYP_ERR_MISMATCH, "%s: of other pictures or masks; %s", path, advice);
    }
    if (same_record(json_object_get(fold, "record"), facts->record)) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH, "%s: trained in another way (its record differs); %s", path, advice);
}

/* The finished folds: all[folds], NULL for those that are not there. */
static status read_folds(json_t **all, const char *out, const fold_facts *facts)
{
    for (int i = 0; i < facts->folds; i++) {
        char *const path = fold_path(out, i, "fold.json");
        if (!path) return POLYP_ERR_MEMORY;
        status result = read_fold(&all[i], path);
        if (result == POLYP_OK && all[i]) result = check_fold(all[i], facts, path);
        memory_free(path);
        if (result != POLYP_OK) return result;
    }
    return POLYP_OK;
}

static void free_folds(json_t **all, int folds)
{
    for (int i = 0; all && i < folds; i++) json_decref(all[i]);
    memory_free(all);
}

status folds_check(const char *out, const fold_facts *facts)
{
    json_t **all;
    TRY(memory_new(&all, (size_t)facts->folds));
    const status result = read_folds(all, out, facts);
    free_folds(all, facts->folds);
    return result;
}

/* ---- summing up ------------------------------------------------------------------------------------- */

/* "per_image.jaccard" of a fold; NaN when it is not a number. */
static double score_of(const json_t *fold, const char *name)
{
    char part[FOLD_NAME];
    const char *const dot = strchr(name, '.');
    (void)snprintf(part, sizeof part, "%.*s", (int)(dot - name), name);
    const json_t *const value = json_object_get(json_object_get(fold, part), dot + 1);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void add_names(folds_summary *s, json_t *fold, const char *part)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(fold, part), key, value)
    {
        if (s->count == FOLD_SCORES || !(json_is_number(value) || json_is_null(value))) continue;
        (void)snprintf(s->scores[s->count++].name, FOLD_NAME, "%s.%s", part, key);
    }
}

static void find_mean(fold_score *score, json_t *const *all, int folds)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < folds; i++) sum += score_of(all[i], score->name);
    score->mean = sum / folds;
    for (int i = 0; i < folds; i++) {
        const double off = score_of(all[i], score->name) - score->mean;
        squares += off * off;
    }
    score->deviation = sqrt(squares / (folds - 1));
}

static void summarise(folds_summary *s, json_t *const *all)
{
    for (int i = 0; i < s->folds; i++) {
        s->pictures += (size_t)json_integer_value(json_object_get(all[i], "images"));
    }
    add_names(s, all[0], "per_image");
    add_names(s, all[0], "pooled");
    for (int k = 0; k < s->count; k++) find_mean(&s->scores[k], all, s->folds);
}

/* One of the summary's rows, as objects per_image and pooled. */
static json_t *scores_json(const folds_summary *s, bool mean)
{
    json_t *const root = json_pack("{s{} s{}}", "per_image", "pooled");
    for (int k = 0; k < s->count; k++) {
        const fold_score *const score = &s->scores[k];
        json_t *const part = json_object_get(root, strncmp(score->name, "pooled.", 7) == 0 ? "pooled" : "per_image");
        (void)json_object_set_new(part, strchr(score->name, '.') + 1, number(mean ? score->mean : score->deviation));
    }
    return root;
}

static json_t *list_json(json_t *const *all, int folds)
{
    json_t *const list = json_array();
    for (int i = 0; i < folds; i++) {
        json_t *const row = json_deep_copy(all[i]);
        (void)json_object_del(row, "record");
        (void)json_object_del(row, "data_hash");
        (void)json_object_del(row, "folds");
        (void)json_array_append_new(list, row);
    }
    return list;
}

static status write_summary_json(const char *path, const folds_summary *s, json_t *const *all)
{
    return write_json(path, json_pack("{si sI sO sO so so so}", "folds", s->folds, "images", (json_int_t)s->pictures,
                                      "data_hash", json_object_get(all[0], "data_hash"), "record",
                                      json_object_get(all[0], "record"), "each", list_json(all, s->folds), "mean",
                                      scores_json(s, true), "standard_deviation", scores_json(s, false)));
}

static status print_number(file_writer *w, double value)
{
    return isnan(value) ? file_print(w, ",") : file_print(w, ",%.6f", value);
}

static status print_rows(file_writer *w, const folds_summary *s, json_t *const *all)
{
    TRY(file_print(w, "fold,images"));
    for (int k = 0; k < s->count; k++) TRY(file_print(w, ",%s", s->scores[k].name));
    for (int i = 0; i < s->folds; i++) {
        TRY(file_print(w, "\n%d,%lld", i, (long long)json_integer_value(json_object_get(all[i], "images"))));
        for (int k = 0; k < s->count; k++) TRY(print_number(w, score_of(all[i], s->scores[k].name)));
    }
    TRY(file_print(w, "\nmean,"));
    for (int k = 0; k < s->count; k++) TRY(print_number(w, s->scores[k].mean));
    TRY(file_print(w, "\nstandard deviation,"));
    for (int k = 0; k < s->count; k++) TRY(print_number(w, s->scores[k].deviation));
    return file_print(w, "\n");
}

static status write_summary_csv(const char *path, const folds_summary *s, json_t *const *all)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = print_rows(w, s, all);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}

static status write_summary(const char *folder, const folds_summary *s, json_t *const *all)
{
    char *const csv = path_join(folder, "folds.csv"), *const json = path_join(folder, "folds.json");
    status result = csv && json ? write_summary_csv(csv, s, all) : POLYP_ERR_MEMORY;
    if (result == POLYP_OK) result = write_summary_json(json, s, all);
    memory_free(csv);
    memory_free(json);
    return result;
}

status folds_sum_up(folds_summary *out, const char *folder, const fold_facts *facts)
{
    folds_summary s = {.folds = facts->folds};
    json_t **all = NULL;
    status result;
    TRY_DONE(memory_new(&all, (size_t)facts->folds));
    TRY_DONE(read_folds(all, folder, facts));
    for (int i = 0; i < s.folds; i++) s.present += all[i] != NULL;
    if (s.present == s.folds) {
        summarise(&s, all);
        TRY_DONE(write_summary(folder, &s, all));
    }
    *out = s;
done:
    free_folds(all, facts->folds);
    return result;
}

static const fold_score *find_score(const folds_summary *s, const char *name)
{
    for (int k = 0; k < s->count; k++) {
        if (strcmp(s->scores[k].name, name) == 0) return &s->scores[k];
    }
    return NULL;
}

void folds_print(char *text, size_t room, const folds_summary *s)
{
    const fold_score *const jaccard = find_score(s, "per_image.jaccard"), *const dsc = find_score(s, "per_image.dsc");
    if (!jaccard || !dsc) {
        (void)snprintf(text, room, "%d of %d folds are finished", s->present, s->folds);
        return;
    }
    (void)snprintf(text, room, "%d folds, %zu pictures: Jaccard %.4f, DSC %.4f; standard deviation %.4f, %.4f",
                   s->folds, s->pictures, jaccard->mean, dsc->mean, jaccard->deviation, dsc->deviation);
}
