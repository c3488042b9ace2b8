/* A picture of the galleries: drawn small, what is blanked painted grey, the outlines of masks beside it. */
#include "report/page_tile.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "media/augment.h"
#include "media/image.h"
#include "media/resize.h"
#include "predict/outlines.h"
#include "report/html.h"

enum {
    TILE_WIDTH = 480,
    TILE_HEIGHT = 420,
    TILE_QUALITY = 80,
    PATH_MOST = 16000, /* bytes of a mask's outlines: noise has thousands */
};
#define TILE_TOLERANCE 0.6 /* of the outlines, in pixels of the tile; doubled while they take more than PATH_MOST */
#define TOLERANCE_MOST 2.5

/* ---- blanking ------------------------------------------------------------------------------------------- */

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

void tile_free(tile *t)
{
    memory_free(t->jpeg);
    for (int i = 0; i < TILE_OUTLINES; i++) buffer_free(&t->outlines[i]);
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

status tile_outline(tile *t, enum tile_outline which, const polyp_image *mask)
{
    polyp_image polyp = {0}, small = {0};
    status result;
    TRY_DONE(polyp_alone(&polyp, mask, which == TILE_TRUTH));
    TRY_DONE(resize_area(&small, &polyp, t->width, t->height));
    TRY_DONE(add_mask(&t->outlines[which], &small));
done:
    polyp_image_free(&polyp);
    polyp_image_free(&small);
    return result;
}

status tile_draw(tile *t, const polyp_image *picture, const page_blank *blanks, size_t count)
{
    const double scale = fit(picture);
    polyp_image small = {0}, rgb = {0};
    status result;
    t->width = scaled(picture->width, scale);
    t->height = scaled(picture->height, scale);
    TRY_DONE(resize_bilinear(&small, picture, t->width, t->height));
    TRY_DONE(image_to_rgb(&rgb, &small));
    for (size_t i = 0; i < count; i++) paint_blank(&rgb, &blanks[i]);
    TRY_DONE(image_encode_jpeg(&t->jpeg, &t->size, &rgb, TILE_QUALITY));
done:
    polyp_image_free(&small);
    polyp_image_free(&rgb);
    return result;
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
    static const char *const names[TILE_OUTLINES] = {"truth", "found", "second"};
    TRY(file_print(w, "<svg class=\"outlines\" viewBox=\"0 0 %d %d\" aria-hidden=\"true\">", t->width, t->height));
    for (int i = 0; i < TILE_OUTLINES; i++) TRY(write_path(w, names[i], &t->outlines[i]));
    return file_print(w, "</svg>");
}

status tile_write(file_writer *w, const tile *t, const char *name)
{
    TRY(file_print(w, "<img width=\"%d\" height=\"%d\" alt=\"", t->width, t->height));
    TRY(html_text(w, name));
    TRY(file_print(w, "\" src=\"data:image/jpeg;base64,"));
    TRY(html_base64(w, t->jpeg, t->size));
    TRY(file_print(w, "\">"));
    return write_outlines(w, t);
}
