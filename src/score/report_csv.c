/* A report's rows as CSV, one line a picture. Its columns are a contract: append, never move. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "score/report.h"

/* A field with a comma, a quote or a line end is quoted, quotes doubled. */
static status print_field(file_writer *w, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) return file_print(w, "%s", text);
    TRY(file_print(w, "\""));
    for (const char *c = text; *c; c++) TRY(*c == '"' ? file_write(w, "\"\"", 2) : file_write(w, c, 1));
    return file_print(w, "\"");
}

static status print_value(file_writer *w, double value)
{
    return isnan(value) ? file_print(w, ",") : file_print(w, ",%.6f", value);
}

static status print_counts(file_writer *w, const pixel_counts *c)
{
    return file_print(w, ",%llu,%llu,%llu,%llu", (unsigned long long)c->tp, (unsigned long long)c->fp,
                      (unsigned long long)c->fn, (unsigned long long)c->tn);
}

static status print_row(file_writer *w, const score_report *r, const score_row *row, bool named)
{
    const object_counts *const o = &row->objects;
    TRY(print_field(w, row->stem));
    TRY(file_print(w, ",%d,%d", row->width, row->height));
    TRY(print_counts(w, &row->counts));
    for (int m = 0; m < SCORE_METRICS; m++) TRY(print_value(w, row->values[m]));
    TRY(file_print(w, ",%.6f,%.6f,%s,%zu,%zu,%zu,%zu,", row->share, row->predicted_share, polyp_size_names[row->size],
                   o->polyps, o->predicted, o->found[0], o->found[1]));
    if (row->part >= 0) TRY(print_field(w, r->part_names[row->part]));
    if (r->settings.network_size > 0) TRY(print_counts(w, &row->network));
    if (named) TRY(file_print(w, ","));
    if (named) TRY(print_field(w, r->scored));
    return file_print(w, "\n");
}

static status print_head(file_writer *w, const score_report *r, bool named)
{
    TRY(file_print(w, "stem,width,height,tp,fp,fn,tn"));
    for (int m = 0; m < SCORE_METRICS; m++) TRY(file_print(w, ",%s", score_facts[m].key));
    TRY(file_print(w, ",polyp_share,predicted_share,size,polyps,predicted,found_at_50,found_at_10,part"));
    if (r->settings.network_size > 0) TRY(file_print(w, ",network_tp,network_fp,network_fn,network_tn"));
    return file_print(w, named ? ",scored\n" : "\n");
}

static status print_rows(file_writer *w, const score_report *r, bool named)
{
    for (size_t i = 0; i < r->count; i++) TRY(print_row(w, r, &r->rows[i], named));
    return POLYP_OK;
}

static status print_all(file_writer *w, const score_report *first, const score_report *second)
{
    TRY(print_head(w, first, second != NULL));
    TRY(print_rows(w, first, second != NULL));
    return second ? print_rows(w, second, true) : POLYP_OK;
}

status score_report_write_csv(const char *path, const score_report *first, const score_report *second)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = print_all(w, first, second);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}
