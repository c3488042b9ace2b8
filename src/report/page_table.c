/* A row for every picture; the page's script sorts and filters them by what stands in the cells. */
#include <math.h>

#include "report/page_impl.h"

/* `data-v` is what is sorted by; without it the row goes last. */
static status number(file_writer *w, double value, int decimals)
{
    if (isnan(value)) return file_print(w, "<td></td>");
    TRY(file_print(w, "<td data-v=\"%.9g\">", value));
    TRY(html_number(w, value, decimals));
    return file_print(w, "</td>");
}

static status name(file_writer *w, const page *p, size_t i)
{
    const score_row *const row = &p->report->rows[i];
    const bool shown = page_gallery_shows(p->gallery, i);
    TRY(file_print(w, "<th scope=\"row\">"));
    if (shown) TRY(file_print(w, "<a href=\"#tile-%zu\">", i));
    TRY(html_text(w, row->stem));
    return file_print(w, "%s</th>", shown ? "</a>" : "");
}

static status write_row(file_writer *w, const page *p, size_t i)
{
    static const enum score_metric shown[] = {SCORE_DSC, SCORE_JACCARD, SCORE_RECALL, SCORE_PRECISION,
                                              SCORE_BOUNDARY_F};
    const score_row *const row = &p->report->rows[i];
    const object_counts *const o = &row->objects;
    TRY(file_print(w, "<tr data-size=\"%s\">", polyp_size_names[row->size]));
    TRY(name(w, p, i));
    for (size_t m = 0; m < sizeof shown / sizeof shown[0]; m++) TRY(number(w, row->values[shown[m]], 3));
    TRY(number(w, row->values[SCORE_HAUSDORFF_PERCENT], 2));
    TRY(number(w, 100 * row->share, 2));
    TRY(number(w, 100 * row->predicted_share, 2));
    TRY(file_print(w, "<td data-v=\"%zu\">%zu of %zu</td>", o->polyps - o->found[0], o->found[0], o->polyps));
    TRY(number(w, (double)(o->predicted - o->found[0]), 0));
    return file_print(w, "<td data-v=\"%d\">%d \xc3\x97 %d</td></tr>\n", row->width * row->height, row->width,
                      row->height);
}

status page_rows(file_writer *w, const void *context)
{
    const page *const p = context;
    for (size_t i = 0; i < p->report->count; i++) TRY(write_row(w, p, i));
    return POLYP_OK;
}

status page_size_options(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    for (int i = 0; i < POLYP_SIZES; i++) {
        if (r->sizes[i].images == 0) continue;
        TRY(file_print(w, "<option value=\"%s\">%s (%zu)</option>", polyp_size_names[i],
                       i == SIZE_NONE ? "no polyp" : polyp_size_names[i], r->sizes[i].images));
    }
    return POLYP_OK;
}
