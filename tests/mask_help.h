/* Masks drawn as text. */
#ifndef POLYP_TESTS_MASK_HELP_H
#define POLYP_TESTS_MASK_HELP_H

#include "data_help.h"

/* '#' is polyp; rows are equally long, the last is NULL. */
static inline polyp_image mask_of(const char *const *rows)
{
    int height = 0;
    while (rows[height]) height++;
    polyp_image mask = plain_image((int)strlen(rows[0]), height, 1, 0);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < mask.width; x++) mask.pixels[y * mask.width + x] = rows[y][x] == '#' ? 255 : 0;
    return mask;
}

static inline void assert_mask(const polyp_image *mask, const char *const *rows)
{
    polyp_image wanted = mask_of(rows);
    assert_int_equal(mask->width, wanted.width);
    assert_int_equal(mask->height, wanted.height);
    for (int y = 0; y < mask->height; y++) {
        for (int x = 0; x < mask->width; x++) {
            const int i = y * mask->width + x;
            if ((mask->pixels[i] > 127) != (wanted.pixels[i] > 127)) fail_msg("row %d, column %d", y, x);
        }
    }
    polyp_image_free(&wanted);
}

#endif
