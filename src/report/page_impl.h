/* Parts of the page: each writes one piece of the template, or nothing where its numbers do not exist. */
#ifndef POLYP_REPORT_PAGE_IMPL_H
#define POLYP_REPORT_PAGE_IMPL_H

#include "report/html.h"
#include "report/page.h"

/* web/report.html, .css, .js: built in by tools/embed, a zero behind each. */
extern const unsigned char page_html[], page_css[], page_js[];
extern const size_t page_html_size, page_css_size, page_js_size;

typedef struct page {
    const score_report *report, *second;
    const score_comparison *comparison; /* NULL: `second` is not looked at */
    const page_gallery *gallery;
} page;

/* page_numbers.c */
status page_cards(file_writer *w, const void *context);
status page_six(file_writer *w, const void *context);
status page_conventions(file_writer *w, const void *context);
status page_others(file_writer *w, const void *context);
status page_objects(file_writer *w, const void *context);

/* page_strata.c */
status page_strata(file_writer *w, const void *context);
status page_comparison(file_writer *w, const void *context);
status page_published(file_writer *w, const void *context);

/* page_curves.c */
status page_curves(file_writer *w, const void *context);
status page_histogram(file_writer *w, const void *context);

/* page_gallery.c */
status page_galleries(file_writer *w, const void *context);
bool page_gallery_shows(const page_gallery *g, size_t index);

/* page_table.c */
status page_rows(file_writer *w, const void *context);
status page_size_options(file_writer *w, const void *context);

/* page_method.c */
status page_method(file_writer *w, const void *context);

#endif
