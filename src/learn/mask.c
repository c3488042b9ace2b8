/* Masks at the network's size, and their labels. */
#include "learn/mask.h"

#include "media/augment.h"
#include "media/image.h"
#include "media/resize.h"

/* Ignored pixels are weighed apart from polyp: their level is no half of a polyp. */
status mask_squish(polyp_image *out, const polyp_image *mask, int size)
{
    polyp_image part = {0}, polyp = {0}, ignored = {0};
    const size_t pixels = (size_t)mask->width * (size_t)mask->height, plane = (size_t)size * (size_t)size;
    status result;
    TRY_DONE(image_create(&part, mask->width, mask->height, 1));
    for (size_t i = 0; i < pixels; i++) part.pixels[i] = mask->pixels[i] == MASK_POLYP ? 255 : 0;
    TRY_DONE(resize_area(&polyp, &part, size, size));
    for (size_t i = 0; i < pixels; i++) part.pixels[i] = mask->pixels[i] == MASK_IGNORED ? 255 : 0;
    TRY_DONE(resize_area(&ignored, &part, size, size));
    for (size_t i = 0; i < plane; i++) {
        const unsigned char level = polyp.pixels[i] > 127 ? MASK_POLYP : MASK_BACKGROUND;
        polyp.pixels[i] = ignored.pixels[i] > 127 ? MASK_IGNORED : level;
    }
    *out = polyp;
    polyp = (polyp_image){0};
done:
    polyp_image_free(&part);
    polyp_image_free(&polyp);
    polyp_image_free(&ignored);
    return result;
}

void mask_labels(float *out, const unsigned char *levels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = levels[i] == MASK_IGNORED ? -1.0f : levels[i] == MASK_POLYP ? 1.0f : 0.0f;
}
