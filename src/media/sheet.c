/* Contact sheets: text on a canvas, then each picture with its outlines copied into its place. */
#include "media/sheet.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "media/augment.h"
#include "media/canvas.h"
#include "media/image.h"
#include "media/overlay.h"
#include "media/resize.h"

enum { MARGIN = 12, GAP = 8, SMALLEST_TILE = 48, LARGEST_TILE = 2048, NARROWEST = 240, JPEG_QUALITY = 90 };

static const canvas_colour INK = {34, 34, 34}, BACKGROUND = {255, 255, 255};
/* Okabe and Ito's yellow and sky blue (jfly.uni-koeln.de/color): different hues for every kind of colour vision, and
 * different in brightness. */
static const canvas_colour TRUTH = {240, 228, 66}, PREDICTION = {86, 180, 233};

/* Where things lie, in pixels. */
typedef struct layout {
    int columns, tile_width, tile_height;
    int caption; /* height of the line below each tile; 0: no tile has one */
    int header;  /* height of title and legend */
    bool truth, prediction;
    int width, height; /* of the sheet */
    double text;       /* size of its letters */
} layout;

/* ---- places ----------------------------------------------------------------------------------------- */

static status check(const sheet_tile *tiles, size_t count, int columns, int tile_width)
{
    if (count < 1 || columns < 1 || tile_width < SMALLEST_TILE || tile_width > LARGEST_TILE)
        return fail(POLYP_ERR_ARGUMENT, "a contact sheet needs pictures, columns and tiles of %d to %d pixels",
                    SMALLEST_TILE, LARGEST_TILE);
    for (size_t i = 0; i < count; i++) {
        const polyp_image *const masks[2] = {tiles[i].truth, tiles[i].prediction};
        for (int k = 0; k < 2; k++) {
            if (masks[k] && masks[k]->channels != 1)
                return fail(POLYP_ERR_ARGUMENT, "a contact sheet's masks have one channel, not %d", masks[k]->channels);
        }
    }
    return POLYP_OK;
}

/* The picture's size inside its tile, at least a pixel. */
static int scaled(int length, double scale)
{
    const long pixels = lround(length * scale);
    return pixels < 1 ? 1 : (int)pixels;
}

static double scale_of(const polyp_image *picture, int width, int height)
{
    return fmin((double)width / picture->width, (double)height / picture->height);
}

/* Pictures much taller than wide are made smaller instead of making every tile tall. */
static int tallest(const sheet_tile *tiles, size_t count, int tile_width)
{
    const double limit = 1.25 * tile_width;
    double highest = 0.0;
    for (size_t i = 0; i < count; i++)
        highest = fmax(highest, (double)tile_width * tiles[i].picture->height / tiles[i].picture->width);
    return (int)lround(fmax(fmin(highest, limit), SMALLEST_TILE));
}

static layout layout_of(const sheet_tile *tiles, size_t count, int columns, int tile_width)
{
    layout l = {.columns = (size_t)columns > count ? (int)count : columns, .tile_width = tile_width};
    bool captions = false;
    for (size_t i = 0; i < count; i++) {
        l.truth |= tiles[i].truth != NULL;
        l.prediction |= tiles[i].prediction != NULL;
        captions |= tiles[i].caption && tiles[i].caption[0];
    }
    l.text = fmin(fmax(tile_width / 18.0, 10.0), 18.0);
    l.tile_height = tallest(tiles, count, tile_width);
    l.caption = captions ? (int)ceil(1.9 * l.text) : 0;
    l.header = MARGIN + (int)ceil(2.0 * l.text) + (l.truth || l.prediction ? (int)ceil(1.8 * l.text) : 0);
    l.width = 2 * MARGIN + l.columns * tile_width + (l.columns - 1) * GAP;
    if (l.width < NARROWEST) l.width = NARROWEST;
    return l;
}

/* Errors: SIZE, when the sheet would be larger than a picture may be. */
static status set_height(layout *l, size_t count)
{
    const size_t rows = (count + (size_t)l->columns - 1) / (size_t)l->columns;
    const double height = l->header + MARGIN + (double)rows * (l->tile_height + l->caption + GAP) - GAP;
    if (height * l->width > (double)IMAGE_LIMIT_PIXELS)
        return fail(POLYP_ERR_SIZE,
                    "a contact sheet of %zu pictures of %d x %d pixels is too large; take fewer or smaller", count,
                    l->tile_width, l->tile_height);
    l->height = (int)height;
    return POLYP_OK;
}

static int left_of(const layout *l, size_t i)
{
    return MARGIN + (int)(i % (size_t)l->columns) * (l->tile_width + GAP);
}

static int top_of(const layout *l, size_t i)
{
    return l->header + (int)(i / (size_t)l->columns) * (l->tile_height + l->caption + GAP);
}

/* ---- text ------------------------------------------------------------------------------------------- */

/* A patch of colour and its word; returns where the next one may begin. */
static double draw_key(canvas *c, double x, double y, const char *word, canvas_colour colour, const layout *l)
{
    const canvas_font font = {l->text, false, INK};
    const canvas_pen edge = {INK, 1.0, 0.0};
    const double side = l->text;
    canvas_area(c, x, y - side + 2.0, side, side, colour);
    canvas_frame(c, x, y - side + 2.0, side, side, &edge);
    canvas_text(c, x + side + 6.0, y, word, CANVAS_LEFT, &font);
    return x + side + 6.0 + canvas_text_width(c, word, &font) + 1.5 * side;
}

static void draw_header(canvas *c, const char *title, const layout *l)
{
    const canvas_font font = {1.2 * l->text, true, INK};
    const double first = MARGIN + 1.2 * l->text, second = l->header - 0.9 * l->text;
    double x = MARGIN;
    canvas_text_within(c, MARGIN, first, l->width - 2.0 * MARGIN, title, &font);
    if (l->truth) x = draw_key(c, x, second, "truth", TRUTH, l);
    if (l->prediction) draw_key(c, x, second, "prediction", PREDICTION, l);
}

static status draw_text(polyp_image *out, const char *title, const sheet_tile *tiles, size_t count, const layout *l)
{
    const canvas_font font = {l->text, false, INK};
    canvas *c;
    TRY(canvas_create(&c, CANVAS_PICTURE, l->width, l->height, 1));
    canvas_area(c, 0, 0, l->width, l->height, BACKGROUND);
    draw_header(c, title, l);
    for (size_t i = 0; i < count; i++) {
        if (!tiles[i].caption) continue;
        canvas_text_within(c, left_of(l, i), top_of(l, i) + l->tile_height + 1.15 * l->text, l->tile_width,
                           tiles[i].caption, &font);
    }
    const status result = canvas_finish_picture(out, c);
    canvas_destroy(c);
    return result;
}

/* ---- pictures --------------------------------------------------------------------------------------- */

static status draw_outline(polyp_image *picture, const polyp_image *mask, canvas_colour colour, int width)
{
    const overlay_style style = {.red = colour.red, .green = colour.green, .blue = colour.blue, .outline = width};
    polyp_image fitted;
    if (!mask) return POLYP_OK;
    TRY(resize_area(&fitted, mask, picture->width, picture->height));
    const status result = overlay_draw(picture, &fitted, &style);
    polyp_image_free(&fitted);
    return result;
}

static status scale_picture(polyp_image *out, const polyp_image *picture, const layout *l)
{
    const double scale = scale_of(picture, l->tile_width, l->tile_height);
    polyp_image rgb;
    TRY(image_to_rgb(&rgb, picture));
    const status result = resize_bilinear(out, &rgb, scaled(picture->width, scale), scaled(picture->height, scale));
    polyp_image_free(&rgb);
    return result;
}

static void copy_into(polyp_image *sheet, const polyp_image *tile, int left, int top)
{
    const size_t row = 3 * (size_t)tile->width;
    for (int y = 0; y < tile->height; y++) {
        const size_t at = (size_t)(top + y) * (size_t)sheet->width + (size_t)left;
        memcpy(sheet->pixels + 3 * at, tile->pixels + (size_t)y * row, row);
    }
}

static status draw_tile(polyp_image *sheet, const sheet_tile *tile, size_t i, const layout *l)
{
    const int thin = 1 + l->tile_width / 128; /* the truth's shows on both sides of it */
    polyp_image picture = {0};
    status result;
    TRY_DONE(scale_picture(&picture, tile->picture, l));
    TRY_DONE(draw_outline(&picture, tile->truth, TRUTH, thin + 2));
    TRY_DONE(draw_outline(&picture, tile->prediction, PREDICTION, thin));
    copy_into(sheet, &picture, left_of(l, i) + (l->tile_width - picture.width) / 2,
              top_of(l, i) + (l->tile_height - picture.height) / 2);
done:
    polyp_image_free(&picture);
    return result;
}

status sheet_draw(polyp_image *out, const char *title, const sheet_tile *tiles, size_t count, int columns,
                  int tile_width)
{
    polyp_image sheet;
    TRY(check(tiles, count, columns, tile_width));
    layout l = layout_of(tiles, count, columns, tile_width);
    TRY(set_height(&l, count));
    TRY(draw_text(&sheet, title, tiles, count, &l));
    status result = POLYP_OK;
    for (size_t i = 0; i < count && result == POLYP_OK; i++) result = draw_tile(&sheet, &tiles[i], i, &l);
    if (result == POLYP_OK) *out = sheet;
    else polyp_image_free(&sheet);
    return result;
}

static bool is_jpeg(const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

status sheet_write(const char *path, const char *title, const sheet_tile *tiles, size_t count, int columns,
                   int tile_width)
{
    polyp_image sheet;
    const status drawn = sheet_draw(&sheet, title, tiles, count, columns, tile_width);
    if (drawn != POLYP_OK) return fail_within(drawn, path);
    const status result = is_jpeg(path) ? image_write_jpeg(&sheet, path, JPEG_QUALITY) : image_write_png(&sheet, path);
    polyp_image_free(&sheet);
    return result;
}

/* ---- before -------------------------------------------------------------------------------------------- */

/* What does not count is not outlined. */
static void keep_polyp(polyp_image *mask)
{
    const size_t pixels = (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; i < pixels; i++) mask->pixels[i] = mask->pixels[i] == MASK_POLYP ? 255 : 0;
}

status sheet_shrink(polyp_image *image, bool mask, int tile_width)
{
    polyp_image smaller;
    if (mask) keep_polyp(image);
    if (image->width <= tile_width) return POLYP_OK;
    const int height = scaled(image->height, (double)tile_width / image->width);
    TRY((mask ? resize_area : resize_bilinear)(&smaller, image, tile_width, height));
    polyp_image_free(image);
    *image = smaller;
    return POLYP_OK;
}
