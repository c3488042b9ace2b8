/* The page put together: the template's names, and what writes each. */
#include "report/page.h"

#include "base/memory.h"
#include "report/page_impl.h"

/* ---- the head ------------------------------------------------------------------------------------------- */

static status title(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    TRY(file_print(w, "Scores of "));
    return html_text(w, r->scored ? r->scored : "masks");
}

static status heading(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    TRY(file_print(w, "Scores of <code>"));
    TRY(html_text(w, r->scored ? r->scored : "masks"));
    return file_print(w, "</code>");
}

static status fact(file_writer *w, const char *name, const char *value)
{
    TRY(file_print(w, "<div><dt>%s</dt><dd>", name));
    TRY(html_text(w, value));
    return file_print(w, "</dd></div>\n");
}

static status facts(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    TRY(file_print(w, "<dl class=\"facts\">\n"));
    if (r->data) TRY(fact(w, "data", r->data));
    TRY(fact(w, "split", r->split ? r->split : "every pair"));
    TRY(file_print(w, "<div><dt>pictures</dt><dd>%zu</dd></div>\n", r->count));
    if (r->all.without_polyp > 0)
        TRY(file_print(w, "<div><dt>without a polyp</dt><dd>%zu</dd></div>\n", r->all.without_polyp));
    if (r->groups < r->count) TRY(file_print(w, "<div><dt>groups</dt><dd>%zu</dd></div>\n", r->groups));
    return file_print(w, "<div><dt>threshold</dt><dd>%g</dd></div>\n</dl>", r->settings.threshold);
}

static status links(file_writer *w, const void *context)
{
    const page *const p = context;
    TRY(file_print(w, "<a href=\"#summary\">Summary</a>"));
    if (p->comparison) TRY(file_print(w, "<a href=\"#comparison\">Comparison</a>"));
    TRY(file_print(w, "<a href=\"#curves\">Curves</a><a href=\"#parts\">Parts</a>"));
    if (p->gallery) TRY(file_print(w, "<a href=\"#pictures\">Pictures</a>"));
    return file_print(w, "<a href=\"#table\">Every picture</a><a href=\"#method\">Method</a>");
}

/* ---- what is built in ----------------------------------------------------------------------------------- */

static status style(file_writer *w, const void *context)
{
    (void)context;
    return file_write(w, page_css, page_css_size);
}

static status script(file_writer *w, const void *context)
{
    (void)context;
    return file_write(w, page_js, page_js_size);
}

static status version(file_writer *w, const void *context)
{
    (void)context;
    return html_text(w, polyp_version());
}

/* ---- files ---------------------------------------------------------------------------------------------- */

static const html_part parts[] = {
    {"title", title},
    {"css", style},
    {"heading", heading},
    {"facts", facts},
    {"links", links},
    {"cards", page_cards},
    {"histogram", page_histogram},
    {"six", page_six},
    {"published", page_published},
    {"conventions", page_conventions},
    {"objects", page_objects},
    {"others", page_others},
    {"comparison", page_comparison},
    {"curves", page_curves},
    {"strata", page_strata},
    {"galleries", page_galleries},
    {"sizes", page_size_options},
    {"rows", page_rows},
    {"method", page_method},
    {"version", version},
    {"js", script},
};

static status write_html(const char *path, const page *p)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = html_template(w, (const char *)page_html, parts, sizeof parts / sizeof parts[0], p);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}

/* NAME in the folder, written by one of these. */
static status write_file(const char *folder, const char *name, const page *p,
                         status (*write)(const char *, const page *))
{
    char *const path = path_join(folder, name);
    if (!path) return POLYP_ERR_MEMORY;
    const status result = write(path, p);
    memory_free(path);
    return result;
}

static status write_csv(const char *path, const page *p)
{
    return score_report_write_csv(path, p->report, p->comparison ? p->second : NULL);
}

static status write_json(const char *path, const page *p)
{
    return score_report_write_json(path, p->report, p->second, p->comparison);
}

status page_write(const char *folder, const score_report *report, const score_report *second,
                  const score_comparison *comparison, const page_gallery *gallery)
{
    const page p = {report, second, comparison, gallery};
    TRY(folder_create(folder));
    TRY(write_file(folder, "scores.csv", &p, write_csv));
    TRY(write_file(folder, "scores.json", &p, write_json));
    return write_file(folder, "index.html", &p, write_html);
}
