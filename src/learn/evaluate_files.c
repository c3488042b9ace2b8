/* What an evaluation leaves: a JSON summary and a CSV of every picture. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/evaluate.h"

/* ---- JSON ------------------------------------------------------------------------------------------- */

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

static json_t *interval_json(const polyp_interval *i)
{
    return json_pack("[oo]", number(i->low), number(i->high));
}

static json_t *evaluation_json(const polyp_evaluation *e)
{
    json_t *const confidence =
        json_pack("{so so}", "jaccard", interval_json(&e->jaccard_95), "dsc", interval_json(&e->dsc_95));
    return json_pack("{sI sI sI so so so so so}", "images", (json_int_t)e->images, "without_polyp",
                     (json_int_t)e->without_polyp, "false_alarms", (json_int_t)e->false_alarms, "threshold",
                     number(e->threshold), "per_image", metrics_json(&e->per_image), "pooled", metrics_json(&e->pooled),
                     "confidence", confidence, "seconds", number(e->seconds));
}

status evaluate_write_json(const char *path, const polyp_evaluation *e)
{
    json_t *const root = evaluation_json(e);
    char *const text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (!text) return fail(POLYP_ERR_MEMORY, "%s: no memory for the summary", path);
    file_writer *w;
    status result = file_create(&w, path);
    if (result == POLYP_OK) {
        result = file_print(w, "%s\n", text);
        if (result == POLYP_OK) {
            result = file_commit(w);
        } else {
            file_abandon(w);
        }
    }
    free(text);
    return result;
}

/* ---- CSV -------------------------------------------------------------------------------------------- */

/* A field with a comma, a quote or a line end is quoted, quotes doubled. */
static status print_field(file_writer *w, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) return file_print(w, "%s", text);
    TRY(file_print(w, "\""));
    for (const char *c = text; *c; c++) TRY(*c == '"' ? file_write(w, "\"\"", 2) : file_write(w, c, 1));
    return file_print(w, "\"");
}

static status print_metric(file_writer *w, double value)
{
    return isnan(value) ? file_print(w, ",") : file_print(w, ",%.6f", value);
}

static status print_row(file_writer *w, const sample *s, const evaluate_row *row)
{
    const pixel_counts *const c = &row->counts;
    const polyp_metrics m = scores_of(c);
    const double values[] = {m.jaccard, m.dsc, m.recall, m.precision, m.accuracy, m.f2};
    TRY(print_field(w, s->stem));
    TRY(file_print(w, ",%d,%d,%llu,%llu,%llu,%llu", row->width, row->height, (unsigned long long)c->tp,
                   (unsigned long long)c->fp, (unsigned long long)c->fn, (unsigned long long)c->tn));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) TRY(print_metric(w, values[i]));
    return file_print(w, "\n");
}

static status print_rows(file_writer *w, const dataset *data, const evaluate_row *rows)
{
    TRY(file_print(w, "stem,width,height,tp,fp,fn,tn,jaccard,dsc,recall,precision,accuracy,f2\n"));
    for (size_t i = 0; i < data->count; i++) TRY(print_row(w, &data->samples[i], &rows[i]));
    return POLYP_OK;
}

status evaluate_write_csv(const char *path, const dataset *data, const evaluate_row *rows)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = print_rows(w, data, rows);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}
