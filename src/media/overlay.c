/* Drawing a mask over a picture: a tint inside, an outline along the border. */
#include "media/overlay.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

overlay_style overlay_prediction(void)
{
    return (overlay_style){.red = 40, .green = 220, .blue = 60, .tint = 0.2, .outline = -1};
}

overlay_style overlay_truth(void)
{
    return (overlay_style){.red = 255, .green = 255, .blue = 255, .tint = 0.0, .outline = -1};
}

/* Seen at the same width on a screen that shows the whole picture. */
static int automatic_outline(const polyp_image *picture)
{
    const int side = picture->width > picture->height ? picture->width : picture->height;
    return 1 + side / 400;
}

static bool is_polyp(const polyp_image *mask, int x, int y)
{
    return mask->pixels[(size_t)y * (size_t)mask->width + (size_t)x] > 127;
}

/* Whether the pixel touches, with an edge, one of the other kind. The picture's own edge is no border. */
static bool is_border(const polyp_image *mask, int x, int y)
{
    const bool here = is_polyp(mask, x, y);
    return (x > 0 && is_polyp(mask, x - 1, y) != here) || (x + 1 < mask->width && is_polyp(mask, x + 1, y) != here) ||
           (y > 0 && is_polyp(mask, x, y - 1) != here) || (y + 1 < mask->height && is_polyp(mask, x, y + 1) != here);
}

/* Mark what lies within `radius` of a border pixel and is of the other kind. */
static void mark_across(bool *marked, const polyp_image *mask, int x, int y, int radius)
{
    const bool here = is_polyp(mask, x, y);
    const int top = y > radius ? y - radius : 0, left = x > radius ? x - radius : 0;
    for (int v = top; v <= y + radius && v < mask->height; v++)
        for (int u = left; u <= x + radius && u < mask->width; u++) {
            const bool within = (u - x) * (u - x) + (v - y) * (v - y) <= radius * radius;
            if (within && is_polyp(mask, u, v) != here) marked[(size_t)v * (size_t)mask->width + (size_t)u] = true;
        }
}

static void mark_outline(bool *marked, const polyp_image *mask, int outline)
{
    const int inside = (outline + 1) / 2, outside = outline / 2; /* an odd pixel goes inside */
    for (int y = 0; y < mask->height; y++)
        for (int x = 0; x < mask->width; x++)
            if (is_border(mask, x, y)) mark_across(marked, mask, x, y, is_polyp(mask, x, y) ? outside : inside);
}

static void blend(unsigned char *pixel, const overlay_style *style, double cover)
{
    const unsigned char colour[3] = {style->red, style->green, style->blue};
    for (int c = 0; c < 3; c++) pixel[c] = (unsigned char)(pixel[c] + (colour[c] - pixel[c]) * cover + 0.5);
}

static status check(const polyp_image *picture, const polyp_image *mask, const overlay_style *style)
{
    if (picture->channels != 3 || mask->channels != 1)
        return fail(POLYP_ERR_ARGUMENT,
                    "an overlay needs an RGB picture and a mask of one channel, not %d and %d channels",
                    picture->channels, mask->channels);
    if (picture->width != mask->width || picture->height != mask->height)
        return fail(POLYP_ERR_SIZE, "an overlay needs a mask of the picture's size, %d x %d, not %d x %d",
                    picture->width, picture->height, mask->width, mask->height);
    if (!(style->tint >= 0.0 && style->tint <= 1.0))
        return fail(POLYP_ERR_ARGUMENT, "an overlay's tint must lie between 0 and 1, not %g", style->tint);
    return POLYP_OK;
}

status overlay_draw(polyp_image *picture, const polyp_image *mask, const overlay_style *style)
{
    TRY(check(picture, mask, style));
    const size_t pixels = (size_t)mask->width * (size_t)mask->height;
    bool *marked;
    TRY(memory_new(&marked, pixels));
    mark_outline(marked, mask, style->outline < 0 ? automatic_outline(picture) : style->outline);
    for (size_t i = 0; i < pixels; i++) {
        if (marked[i]) blend(picture->pixels + 3 * i, style, 1.0);
        else if (mask->pixels[i] > 127) blend(picture->pixels + 3 * i, style, style->tint);
    }
    memory_free(marked);
    return POLYP_OK;
}
