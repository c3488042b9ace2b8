/* Galleries: while pictures are scored each is drawn small and kept as a JPEG; in the end the worst, median and best
 * are shown. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/page_impl.h"
#include "report/page_tile.h"

enum {
    SHOWN = 12,       /* pictures of a gallery */
    KEPT_MOST = 1000, /* pictures kept for the median, evenly spread */
};

/* The first SHOWN of an order. */
typedef struct ranking {
    size_t items[SHOWN];
    double keys[SHOWN]; /* rising */
    size_t count;
} ranking;

struct page_gallery {
    const score_report *report;
    tile *tiles; /* [report->count] */
    bool *shown; /* [report->count] */
    size_t stride;
    ranking worst, best, alarms; /* alarms: no polyp, but something was found */
    page_blank blanks[PAGE_BLANKS_MOST];
    size_t blank_count;
};

/* ---- blanking ------------------------------------------------------------------------------------------- */

static status parse_one(page_blank *out, const char *text, size_t length)
{
    double v[4];
    const char *at = text;
    for (int i = 0; i < 4; i++) {
        char *end;
        v[i] = strtod(at, &end);
        const bool last = i == 3;
        if (end == at || !(v[i] >= 0 && v[i] <= 100) || (last ? end != text + length : *end != ',')) {
            return fail(POLYP_ERR_ARGUMENT,
                        "--blank: '%.*s' is not LEFT,TOP,WIDTH,HEIGHT in per cent, such as 0,20,25,60", (int)length,
                        text);
        }
        at = end + 1;
    }
    *out = (page_blank){v[0], v[1], v[2], v[3]};
    return POLYP_OK;
}

status page_blanks_parse(page_blank *out, size_t *count, const char *text)
{
    *count = 0;
    while (text && *text) {
        const size_t length = strcspn(text, ";");
        if (*count == PAGE_BLANKS_MOST)
            return fail(POLYP_ERR_ARGUMENT, "--blank: more than %d parts of a picture", PAGE_BLANKS_MOST);
        TRY(parse_one(&out[*count], text, length));
        (*count)++;
        text += length + (text[length] != '\0');
    }
    return POLYP_OK;
}

/* ---- keeping -------------------------------------------------------------------------------------------- */

/* Put into its place; the one that falls out, SIZE_MAX when none does. */
static size_t rank(ranking *r, size_t item, double key)
{
    size_t place = r->count;
    while (place > 0 && r->keys[place - 1] > key) place--;
    if (place == SHOWN) return item;
    const bool full = r->count == SHOWN;
    const size_t dropped = full ? r->items[SHOWN - 1] : SIZE_MAX;
    const size_t moved = (full ? SHOWN - 1 : r->count) - place;
    memmove(&r->items[place + 1], &r->items[place], moved * sizeof r->items[0]);
    memmove(&r->keys[place + 1], &r->keys[place], moved * sizeof r->keys[0]);
    r->items[place] = item;
    r->keys[place] = key;
    if (!full) r->count++;
    return dropped;
}

static bool is_ranked(const ranking *r, size_t item)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i] == item) return true;
    return false;
}

static bool is_kept(const page_gallery *g, size_t item)
{
    return item % g->stride == 0 || is_ranked(&g->worst, item) || is_ranked(&g->best, item) ||
           is_ranked(&g->alarms, item);
}

static void drop_unless_kept(page_gallery *g, size_t item)
{
    if (item == SIZE_MAX || is_kept(g, item)) return;
    tile_free(&g->tiles[item]);
}

static status draw(page_gallery *g, size_t index, const polyp_image *picture, const score_input *in)
{
    tile *const t = &g->tiles[index];
    TRY(tile_draw(t, picture, g->blanks, g->blank_count));
    TRY(tile_outline(t, TILE_TRUTH, in->truth));
    return tile_outline(t, TILE_FOUND, in->mask);
}

/* With the first picture: only then the report knows how many there are. */
static status make_room(page_gallery *g)
{
    TRY(memory_new(&g->shown, g->report->count));
    g->stride = 1 + (g->report->count - 1) / KEPT_MOST;
    return memory_new(&g->tiles, g->report->count);
}

status page_gallery_take(page_gallery *g, size_t index, const polyp_image *picture, const score_input *in)
{
    const score_row *const row = &g->report->rows[index];
    const double dsc = row->values[SCORE_DSC];
    size_t dropped[2] = {SIZE_MAX, SIZE_MAX};
    if (!g->tiles) TRY(make_room(g));
    if (row->size == SIZE_NONE) {
        if (row->predicted_share > 0) dropped[0] = rank(&g->alarms, index, -row->predicted_share);
    } else if (!isnan(dsc)) {
        dropped[0] = rank(&g->worst, index, dsc);
        dropped[1] = rank(&g->best, index, -dsc);
    }
    for (int i = 0; i < 2; i++) drop_unless_kept(g, dropped[i]);
    return is_kept(g, index) ? draw(g, index, picture, in) : POLYP_OK;
}

status page_gallery_take_second(page_gallery *g, size_t index, const score_input *in)
{
    tile *const t = g->tiles ? &g->tiles[index] : NULL;
    return t && t->jpeg ? tile_outline(t, TILE_SECOND, in->mask) : POLYP_OK;
}

status page_gallery_create(page_gallery **out, const score_report *report, const page_blank *blanks, size_t count)
{
    page_gallery *g;
    TRY(memory_new(&g, 1));
    g->report = report;
    g->blank_count = count < PAGE_BLANKS_MOST ? count : PAGE_BLANKS_MOST;
    for (size_t i = 0; i < g->blank_count; i++) g->blanks[i] = blanks[i];
    *out = g;
    return POLYP_OK;
}

void page_gallery_free(page_gallery *g)
{
    if (!g) return;
    for (size_t i = 0; g->tiles && i < g->report->count; i++) tile_free(&g->tiles[i]);
    memory_free(g->tiles);
    memory_free(g->shown);
    memory_free(g);
}

/* ---- choosing ------------------------------------------------------------------------------------------- */

typedef struct placed {
    double dsc;
    size_t item;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *const x = a, *const y = b;
    if (x->dsc != y->dsc) return x->dsc < y->dsc ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Kept pictures around the middle of all by DSC, rising. */
static status find_median(ranking *out, const page_gallery *g)
{
    placed *list;
    size_t count = 0;
    TRY(memory_new(&list, g->report->count));
    for (size_t i = 0; i < g->report->count; i++) {
        const score_row *const row = &g->report->rows[i];
        if (row->size == SIZE_NONE || isnan(row->values[SCORE_DSC]) || !g->tiles[i].jpeg) continue;
        list[count++] = (placed){row->values[SCORE_DSC], i};
    }
    qsort(list, count, sizeof *list, compare_placed);
    const size_t wanted = count < SHOWN ? count : SHOWN, first = (count - wanted) / 2;
    for (size_t i = 0; i < wanted; i++) rank(out, list[first + i].item, list[first + i].dsc);
    memory_free(list);
    return POLYP_OK;
}

/* The largest differences of two models first, of the pictures that are kept. */
static void find_apart(ranking *out, const page_gallery *g, const score_report *second)
{
    for (size_t i = 0; i < g->report->count; i++) {
        const double apart = fabs(second->rows[i].values[SCORE_DSC] - g->report->rows[i].values[SCORE_DSC]);
        if (g->tiles[i].jpeg && apart > 0) rank(out, i, -apart);
    }
}

/* ---- writing -------------------------------------------------------------------------------------------- */

/* Of one model its DSC, of two "A .8 B .7"; without a polyp the share of pixels that is called one. */
static status write_value(file_writer *w, const page *p, size_t item)
{
    const score_row *const a = &p->report->rows[item], *const b = p->comparison ? &p->second->rows[item] : NULL;
    const bool none = a->size == SIZE_NONE;
    const double of_a = none ? 100 * a->predicted_share : a->values[SCORE_DSC];
    if (!b) return file_print(w, none ? "found %.2f %%" : "DSC %.3f", of_a);
    const double of_b = none ? 100 * b->predicted_share : b->values[SCORE_DSC];
    return file_print(w, none ? "found A %.2f %%, B %.2f %%" : "DSC A %.3f, B %.3f", of_a, of_b);
}

static status write_tile(file_writer *w, const page *p, size_t item)
{
    const char *const stem = p->report->rows[item].stem;
    TRY(file_print(w, "<figure class=\"tile\" id=\"tile-%zu\"><button type=\"button\">", item));
    TRY(tile_write(w, &p->gallery->tiles[item], stem));
    TRY(file_print(w, "</button><figcaption><span class=\"stem\">"));
    TRY(html_text(w, stem));
    TRY(file_print(w, "</span><span class=\"value\">"));
    TRY(write_value(w, p, item));
    return file_print(w, "</span></figcaption></figure>\n");
}

/* Few pictures: all may stand in other galleries already. */
static bool anything_new(const page_gallery *g, const ranking *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!g->shown[r->items[i]]) return true;
    return false;
}

static status write_gallery(file_writer *w, const page *p, const ranking *r, const char *title, const char *id)
{
    const page_gallery *const g = p->gallery;
    if (!anything_new(g, r)) return POLYP_OK;
    TRY(file_print(w, "<h3 id=\"%s\">%s</h3>\n<div class=\"gallery\">\n", id, title));
    for (size_t i = 0; i < r->count; i++) {
        if (g->shown[r->items[i]]) continue;
        g->shown[r->items[i]] = true;
        TRY(write_tile(w, p, r->items[i]));
    }
    return file_print(w, "</div>\n");
}

bool page_gallery_shows(const page_gallery *g, size_t index)
{
    return g && g->shown && g->shown[index];
}

static status write_box(file_writer *w, const char *kind, const char *label)
{
    return file_print(
        w, "<label><input type=\"checkbox\" id=\"show-%s\" checked><span class=\"swatch %s\"></span>%s</label>", kind,
        kind, label);
}

static status write_key(file_writer *w, const page *p)
{
    TRY(file_print(w, "<p class=\"key\">"));
    TRY(write_box(w, "truth", "outline of the mask"));
    TRY(write_box(w, "found", p->comparison ? "of what A found" : "outline of what was found"));
    if (p->comparison) TRY(write_box(w, "second", "of what B found"));
    return file_print(w, "%s</p>\n",
                      p->gallery->blank_count > 0 ? "<span>Parts of the pictures are painted grey.</span>" : "");
}

status page_galleries(file_writer *w, const void *context)
{
    const page *const p = context;
    const page_gallery *const g = p->gallery;
    ranking median = {.count = 0}, apart = {.count = 0};
    if (!g || !g->tiles) return POLYP_OK;
    memset(g->shown, 0, g->report->count * sizeof *g->shown);
    TRY(find_median(&median, g));
    if (p->comparison) find_apart(&apart, g, p->second);
    TRY(file_print(w, "<section id=\"pictures\"><h2>Pictures</h2>\n"));
    TRY(write_key(w, p));
    TRY(write_gallery(w, p, &apart, "Where A and B differ most", "apart"));
    TRY(write_gallery(w, p, &g->worst, p->comparison ? "Worst of A" : "Worst", "worst"));
    TRY(write_gallery(w, p, &median, p->comparison ? "Around the median of A" : "Around the median", "median"));
    TRY(write_gallery(w, p, &g->best, p->comparison ? "Best of A" : "Best", "best"));
    TRY(write_gallery(w, p, &g->alarms, "False alarms, the largest first", "alarms"));
    return file_print(w, "</section>\n");
}
