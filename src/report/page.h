/*
 * The report of a scoring as one HTML file that opens from disk: numbers, curves, strata, galleries, a table of every
 * picture, and how each number was computed. Beside it scores.csv and scores.json.
 *
 *     page_gallery_create(&gallery, &set.report, blanks, count);
 *     ... score_options.each calls page_gallery_take() for every picture ...
 *     page_write("DIR", &set.report, NULL, NULL, gallery);
 */
#ifndef POLYP_REPORT_PAGE_H
#define POLYP_REPORT_PAGE_H

#include "score/report.h"

/* Part of a picture that is painted grey in the galleries, such as burned-in names and dates; in per cent of its width
 * and height. */
typedef struct page_blank {
    double left, top, width, height;
} page_blank;
enum { PAGE_BLANKS_MOST = 16 };

/* "LEFT,TOP,WIDTH,HEIGHT" in per cent, several separated by ';'. Error: ARGUMENT. */
status page_blanks_parse(page_blank *out, size_t *count, const char *text);

typedef struct page_gallery page_gallery;

/* `report` has its rows, filled one after another, and must stay where it is. Of every picture a small JPEG is kept as
 * long as it may be shown: all of up to 1000 pictures, a part of more, always the best and the worst. Free the gallery
 * before the report. */
status page_gallery_create(page_gallery **out, const score_report *report, const page_blank *blanks, size_t count);
void page_gallery_free(page_gallery *g); /* takes NULL */

/* Picture `index`, whose row was just filled: drawn small with its outlines. Errors: MEMORY, SIZE. */
status page_gallery_take(page_gallery *g, size_t index, const polyp_image *picture, const score_input *in);

/* The same picture scored with the second of two models: its outlines are put over the picture, where that was kept. After
 * every picture of the first. Error: MEMORY. */
status page_gallery_take_second(page_gallery *g, size_t index, const score_input *in);

/*
 * FOLDER/index.html, scores.csv and scores.json, each replaced whole; the folder is made. `report` is summed up. A
 * comparison adds a section, and a gallery of the largest differences: `second` beside `report`; NULL: none. gallery
 * NULL: no pictures. Equal scores give an equal page: it holds no time and no date.
 */
status page_write(const char *folder, const score_report *report, const score_report *second,
                  const score_comparison *comparison, const page_gallery *gallery);

#endif
