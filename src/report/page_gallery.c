/* Galleries: while pictures are scored each is drawn small and kept as a JPEG; in the end the worst, median and best
 * are shown. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "media/augment.h"
#include "media/image.h"
#include "media/resize.h"
#include "predict/outlines.h"
#include "report/page_impl.h"

enum {
    SHOWN = 12,       /* pictures of a gallery */
    KEPT_MOST = 1000, /* pictures kept for the median, evenly spread */
    TILE_WIDTH = 480,
    TILE_HEIGHT = 420,
    TILE_QUALITY = 80,
    PATH_MOST = 16000, /* bytes of a mask's outlines: noise has thousands */
};
#define TILE_TOLERANCE 0.6 /* of the outlines, in pixels of the tile; doubled while they take more than PATH_MOST */
#define TOLERANCE_MOST 2.5

typedef struct tile {
    unsigned char *jpeg; /* NULL: not kept */
    size_t size;
    buffer truth, found; /* outlines as an SVG path, over width x height */
    int width, height;
} tile;

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

static int pixels_of(double percent, int side)
{
    const double p = percent * side / 100;
    return (int)(p < 0 ? 0 : p > side ? side : p + 0.5);
}

static void paint_blank(polyp_image *picture, const page_blank *b)
{
    const int left = pixels_of(b->left, picture->width), right = pixels_of(b->left + b->width, picture->width);
    const int top = pixels_of(b->top, picture->height), bottom = pixels_of(b->top + b->height, picture->height);
    for (int y = top; y < bottom && right > left; y++) {
        memset(picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)left) * 3, 128,
               3 * (size_t)(right - left));
    }
}

/* ---- drawing -------------------------------------------------------------------------------------------- */

static double fit(const polyp_image *p)
{
    return fmin(1.0, fmin((double)TILE_WIDTH / p->width, (double)TILE_HEIGHT / p->height));
}

static int scaled(int side, double scale)
{
    return side * scale < 1 ? 1 : (int)(side * scale + 0.5);
}

static void tile_free(tile *t)
{
    memory_free(t->jpeg);
    buffer_free(&t->truth);
    buffer_free(&t->found);
    *t = (tile){0};
}

static status add_outline(buffer *path, const outlines *o, const outline *item)
{
    char word[32];
    for (size_t i = 0; i < item->count; i++) {
        const outline_point p = o->points[item->first + i];
        const int length = snprintf(word, sizeof word, "%s%d %d", i == 0 ? "M" : " ", p.x, p.y);
        TRY(buffer_add(path, word, (size_t)length));
    }
    return buffer_add(path, "Z", 1);
}

/* The largest regions first, with their holes, until the path is full. */
static status add_regions(buffer *path, const regions *found, double tolerance)
{
    status result = POLYP_OK;
    path->size = 0;
    for (size_t i = 0; i < found->count && path->size <= PATH_MOST && result == POLYP_OK; i++) {
        outlines o = {0};
        result = outlines_of(&o, found, i, tolerance);
        for (size_t k = 0; k < o.count && result == POLYP_OK; k++) result = add_outline(path, &o, &o.items[k]);
        outlines_free(&o);
    }
    return result;
}

static status add_mask(buffer *path, const polyp_image *mask)
{
    regions found = {0};
    double tolerance = TILE_TOLERANCE;
    TRY(regions_find(&found, mask, REGION_POLYP));
    status result = add_regions(path, &found, tolerance);
    while (result == POLYP_OK && path->size > PATH_MOST && tolerance < TOLERANCE_MOST / 2) {
        tolerance *= 2;
        result = add_regions(path, &found, tolerance);
    }
    regions_free(&found);
    return result;
}

/* 255 where the mask is polyp. Only truth has ignored pixels; a prediction may have that level by chance. */
static status polyp_alone(polyp_image *out, const polyp_image *mask, bool truth)
{
    const size_t pixels = (size_t)mask->width * (size_t)mask->height;
    TRY(image_create(out, mask->width, mask->height, 1));
    for (size_t i = 0; i < pixels; i++) {
        const unsigned char level = mask->pixels[i];
        out->pixels[i] = level > 127 && !(truth && level == MASK_IGNORED) ? 255 : 0;
    }
    return POLYP_OK;
}

static status draw_outlines(buffer *path, const polyp_image *mask, bool truth, int width, int height)
{
    polyp_image polyp = {0}, small = {0};
    status result;
    TRY_DONE(polyp_alone(&polyp, mask, truth));
    TRY_DONE(resize_area(&small, &polyp, width, height));
    TRY_DONE(add_mask(path, &small));
done:
    polyp_image_free(&polyp);
    polyp_image_free(&small);
    return result;
}

static status draw_tile(tile *out, const page_gallery *g, const polyp_image *picture, const score_input *in)
{
    const double scale = fit(picture);
    const int width = scaled(picture->width, scale), height = scaled(picture->height, scale);
    polyp_image small = {0}, rgb = {0};
    status result;
    TRY_DONE(resize_bilinear(&small, picture, width, height));
    TRY_DONE(image_to_rgb(&rgb, &small));
    for (size_t i = 0; i < g->blank_count; i++) paint_blank(&rgb, &g->blanks[i]);
    TRY_DONE(image_encode_jpeg(&out->jpeg, &out->size, &rgb, TILE_QUALITY));
    TRY_DONE(draw_outlines(&out->truth, in->truth, true, width, height));
    TRY_DONE(draw_outlines(&out->found, in->mask, false, width, height));
    out->width = width;
    out->height = height;
done:
    polyp_image_free(&small);
    polyp_image_free(&rgb);
    return result;
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
    return is_kept(g, index) ? draw_tile(&g->tiles[index], g, picture, in) : POLYP_OK;
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

/* ---- writing -------------------------------------------------------------------------------------------- */

static status write_path(file_writer *w, const char *name, const buffer *path)
{
    if (path->size == 0) return POLYP_OK;
    TRY(file_print(w, "<path class=\"%s\" d=\"", name));
    TRY(file_write(w, path->data, path->size));
    return file_print(w, "\"/>");
}

static status write_outlines(file_writer *w, const tile *t)
{
    TRY(file_print(w, "<svg class=\"outlines\" viewBox=\"0 0 %d %d\" aria-hidden=\"true\">", t->width, t->height));
    TRY(write_path(w, "truth", &t->truth));
    TRY(write_path(w, "found", &t->found));
    return file_print(w, "</svg>");
}

static status write_tile(file_writer *w, const page_gallery *g, size_t item)
{
    const tile *const t = &g->tiles[item];
    const score_row *const row = &g->report->rows[item];
    TRY(file_print(
        w, "<figure class=\"tile\" id=\"tile-%zu\"><button type=\"button\"><img width=\"%d\" height=\"%d\" alt=\"",
        item, t->width, t->height));
    TRY(html_text(w, row->stem));
    TRY(file_print(w, "\" src=\"data:image/jpeg;base64,"));
    TRY(html_base64(w, t->jpeg, t->size));
    TRY(file_print(w, "\">"));
    TRY(write_outlines(w, t));
    TRY(file_print(w, "</button><figcaption><span class=\"stem\">"));
    TRY(html_text(w, row->stem));
    TRY(file_print(w, "</span><span class=\"value\">"));
    if (row->size == SIZE_NONE) TRY(file_print(w, "found %.2f %%", 100 * row->predicted_share));
    else TRY(file_print(w, "DSC %.3f", row->values[SCORE_DSC]));
    return file_print(w, "</span></figcaption></figure>\n");
}

static status write_gallery(file_writer *w, const page_gallery *g, const ranking *r, const char *title, const char *id)
{
    if (r->count == 0) return POLYP_OK;
    TRY(file_print(w, "<h3 id=\"%s\">%s</h3>\n<div class=\"gallery\">\n", id, title));
    for (size_t i = 0; i < r->count; i++) {
        if (g->shown[r->items[i]]) continue; /* few pictures: it stands in another gallery already */
        g->shown[r->items[i]] = true;
        TRY(write_tile(w, g, r->items[i]));
    }
    return file_print(w, "</div>\n");
}

bool page_gallery_shows(const page_gallery *g, size_t index)
{
    return g && g->shown && g->shown[index];
}

status page_galleries(file_writer *w, const void *context)
{
    const page *const p = context;
    const page_gallery *const g = p->gallery;
    ranking median = {.count = 0};
    if (!g || !g->tiles) return POLYP_OK;
    memset(g->shown, 0, g->report->count * sizeof *g->shown);
    TRY(find_median(&median, g));
    TRY(file_print(
        w,
        "<section id=\"pictures\"><h2>Pictures</h2>\n<p class=\"key\"><label><input type=\"checkbox\" "
        "id=\"show-truth\" checked><span class=\"swatch truth\"></span>outline of the mask</label><label><input "
        "type=\"checkbox\" id=\"show-found\" checked><span class=\"swatch found\"></span>outline of what was "
        "found</label>%s</p>\n",
        g->blank_count > 0 ? "<span>Parts of the pictures are painted grey.</span>" : ""));
    TRY(write_gallery(w, g, &g->worst, "Worst", "worst"));
    TRY(write_gallery(w, g, &median, "Around the median", "median"));
    TRY(write_gallery(w, g, &g->best, "Best", "best"));
    TRY(write_gallery(w, g, &g->alarms, "False alarms, the largest first", "alarms"));
    return file_print(w, "</section>\n");
}
