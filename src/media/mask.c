/* Each level weighed by the area that it covers. */
#include "media/mask.h"

#include <string.h>

#include "media/augment.h"
#include "media/image.h"
#include "media/resize.h"

/* 255 where the mask has this level, then the mean over the covered area. */
static status cover(polyp_image *out, const polyp_image *mask, int level, int width, int height)
{
    polyp_image only = {0};
    TRY(image_create(&only, mask->width, mask->height, 1));
    const size_t pixels = (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; i < pixels; i++) only.pixels[i] = mask->pixels[i] == level ? 255 : 0;
    const status result = resize_area(out, &only, width, height);
    polyp_image_free(&only);
    return result;
}

static bool has_ignored(const polyp_image *mask)
{
    return memchr(mask->pixels, MASK_IGNORED, (size_t)mask->width * (size_t)mask->height) != NULL;
}

status mask_shrink(polyp_image *out, const polyp_image *mask, int width, int height)
{
    polyp_image polyp = {0}, ignored = {0};
    status result;
    TRY_DONE(cover(&polyp, mask, MASK_POLYP, width, height));
    if (has_ignored(mask)) TRY_DONE(cover(&ignored, mask, MASK_IGNORED, width, height));
    const size_t pixels = (size_t)width * (size_t)height;
    for (size_t i = 0; i < pixels; i++) {
        const unsigned char level = polyp.pixels[i] > 127 ? MASK_POLYP : MASK_BACKGROUND;
        polyp.pixels[i] = ignored.pixels && ignored.pixels[i] > 127 ? MASK_IGNORED : level;
    }
    *out = polyp;
    polyp = (polyp_image){0};
done:
    polyp_image_free(&polyp);
    polyp_image_free(&ignored);
    return result;
}
