/* Orientation: what EXIF says about it, and turning a picture upright. */
#include <string.h>

#include "base/memory.h"
#include "media/formats.h"

/* ---- reading it -------------------------------------------------------------------------- */

#ifdef HAVE_EXIF
#include <libexif/exif-data.h>

static int orientation_entry(ExifData *data)
{
    const ExifEntry *const entry = exif_data_get_entry(data, EXIF_TAG_ORIENTATION);
    if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 || entry->size < 2) return 1;
    return exif_get_short(entry->data, exif_data_get_byte_order(data));
}

int exif_orientation(const unsigned char *exif, size_t size)
{
    static const char start[6] = "Exif\0"; /* libexif wants the block as a JPEG holds it */
    enum { LONGEST = 65533 };              /* of an APP1 segment */
    if (size == 0 || size > LONGEST - sizeof start) return 1;
    unsigned char segment[LONGEST];
    memcpy(segment, start, sizeof start);
    memcpy(segment + sizeof start, exif, size);
    ExifData *const data = exif_data_new();
    if (!data) return 1;
    exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION); /* it would repair, and allocate, entries */
    exif_data_load_data(data, segment, (unsigned)(size + sizeof start));
    const int orientation = orientation_entry(data);
    exif_data_unref(data);
    return orientation;
}
#else
int exif_orientation(const unsigned char *exif, size_t size)
{
    (void)exif;
    (void)size;
    return 1;
}
#endif

/* ---- applying it ------------------------------------------------------------------------- */

/* Where the upright picture's pixel (x, y) lies in the stored one: swap x and y, then count from the far side. */
typedef struct turn {
    bool swap, flip_x, flip_y;
} turn;

static const turn turns[9] = {
    [2] = {.flip_x = true},
    [3] = {.flip_x = true, .flip_y = true},
    [4] = {.flip_y = true},
    [5] = {.swap = true},
    [6] = {.swap = true, .flip_y = true},
    [7] = {.swap = true, .flip_x = true, .flip_y = true},
    [8] = {.swap = true, .flip_x = true},
};

static void turn_pixels(polyp_image *out, const polyp_image *in, turn t)
{
    const size_t channels = (size_t)in->channels;
    unsigned char *to = out->pixels;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            int u = t.swap ? y : x, v = t.swap ? x : y;
            if (t.flip_x) u = in->width - 1 - u;
            if (t.flip_y) v = in->height - 1 - v;
            const unsigned char *const from = in->pixels + ((size_t)v * (size_t)in->width + (size_t)u) * channels;
            for (size_t c = 0; c < channels; c++) *to++ = from[c];
        }
}

status image_turn_upright(polyp_image *image, int orientation)
{
    if (orientation < 2 || orientation > 8) return POLYP_OK;
    const turn t = turns[orientation];
    polyp_image upright;
    TRY(image_create(&upright, t.swap ? image->height : image->width, t.swap ? image->width : image->height,
                     image->channels));
    turn_pixels(&upright, image, t);
    polyp_image_free(image);
    *image = upright;
    return POLYP_OK;
}
