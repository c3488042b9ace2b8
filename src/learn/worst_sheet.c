/* Which pictures went worst, and a sheet of them. */
#include "learn/worst_sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "media/image.h"
#include "media/sheet.h"

/* ---- which ------------------------------------------------------------------------------------------ */

typedef struct rank {
    double score, wrong; /* Jaccard; share of wrong pixels */
    size_t index;
} rank;

static rank rank_of(const evaluate_row *row, size_t index)
{
    const pixel_counts *const c = &row->counts;
    const double jaccard = scores_of(c).jaccard, all = (double)(c->tp + c->fp + c->fn + c->tn);
    return (rank){.score = !isnan(jaccard) ? jaccard
                           : c->fp > 0     ? 0.0
                                           : 1.0,
                  .wrong = all > 0.0 ? (double)(c->fp + c->fn) / all : 0.0,
                  .index = index};
}

static int compare(const void *a, const void *b)
{
    const rank *const x = a, *const y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    if (x->wrong != y->wrong) return x->wrong > y->wrong ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

status worst_find(size_t *index, size_t *found, size_t most, const evaluate_row *rows, size_t count)
{
    rank *ranks;
    TRY(memory_new(&ranks, count));
    for (size_t i = 0; i < count; i++) ranks[i] = rank_of(&rows[i], i);
    qsort(ranks, count, sizeof *ranks, compare);
    *found = count < most ? count : most;
    for (size_t i = 0; i < *found; i++) index[i] = ranks[i].index;
    memory_free(ranks);
    return POLYP_OK;
}

/* ---- the sheet -------------------------------------------------------------------------------------- */

/* What one tile shows, not larger than it. */
typedef struct shown {
    polyp_image picture, truth, prediction;
    char caption[160];
} shown;

static void shown_free(shown *s)
{
    polyp_image_free(&s->picture);
    polyp_image_free(&s->truth);
    polyp_image_free(&s->prediction);
}

static void print_caption(shown *s, const evaluate_row *row, const char *stem)
{
    const double jaccard = scores_of(&row->counts).jaccard;
    if (!isnan(jaccard)) (void)snprintf(s->caption, sizeof s->caption, "%.3f  %s", jaccard, stem);
    else (void)snprintf(s->caption, sizeof s->caption, "%s  %s", row->counts.fp ? "false alarm" : "no polyp", stem);
}

static status make_shown(shown *s, polyp_predictor *predictor, const sample *which, const evaluate_row *row)
{
    TRY(sample_read(&s->picture, &s->truth, which));
    TRY(predictor_submit(predictor, 0, &s->picture));
    TRY(predictor_collect(predictor, 0, s->picture.width, s->picture.height, NULL, &s->prediction));
    print_caption(s, row, which->stem);
    /* two dozen pictures of a camera would take much memory */
    TRY(sheet_shrink(&s->picture, false, WORST_SHEET_TILE));
    TRY(sheet_shrink(&s->truth, true, WORST_SHEET_TILE));
    return sheet_shrink(&s->prediction, true, WORST_SHEET_TILE);
}

status worst_sheet_draw(polyp_image *out, const char *title, polyp_predictor *predictor, const dataset *data,
                        const evaluate_row *rows)
{
    size_t index[WORST_SHEET_PICTURES], found;
    sheet_tile tiles[WORST_SHEET_PICTURES];
    shown *shows = NULL;
    char *whole_title = NULL;
    status result;
    TRY_DONE(memory_new(&shows, WORST_SHEET_PICTURES));
    TRY_DONE(worst_find(index, &found, WORST_SHEET_PICTURES, rows, data->count));
    for (size_t i = 0; i < found; i++) {
        shown *const s = &shows[i];
        TRY_DONE(make_shown(s, predictor, &data->samples[index[i]], &rows[index[i]]));
        tiles[i] = (sheet_tile){&s->picture, &s->truth, &s->prediction, s->caption};
    }
    whole_title = found < data->count ? memory_format("%s: the %zu worst of %zu by Jaccard", title, found, data->count)
                                      : memory_format("%s: all %zu, the worst by Jaccard first", title, found);
    result = whole_title ? sheet_draw(out, whole_title, tiles, found, WORST_SHEET_COLUMNS, WORST_SHEET_TILE)
                         : POLYP_ERR_MEMORY;
done:
    for (size_t i = 0; shows && i < WORST_SHEET_PICTURES; i++) shown_free(&shows[i]);
    memory_free(shows);
    memory_free(whole_title);
    return result;
}
