/* One picture through all that was drawn for it. */
#include <math.h>

#include "base/memory.h"
#include "media/augment_impl.h"
#include "media/image.h"

enum { ROWS = 5, TAPS_MOST = 6 };

status augment_room_create(augment_room **out, int size)
{
    const size_t width = (size_t)size;
    augment_room *room = NULL;
    status result;
    TRY(memory_new(&room, 1));
    room->size = size;
    TRY_DONE(memory_new(&room->rows_block, ROWS * width));
    TRY_DONE(memory_new(&room->plane, 2 * width * width));
    TRY_DONE(image_create(&room->bytes, size, size, 3));
    float **const rows[ROWS] = {&room->rows.x, &room->rows.y, &room->rows.dx, &room->rows.dy, &room->rows.share};
    for (int i = 0; i < ROWS; i++) *rows[i] = room->rows_block + (size_t)i * width;
    *out = room;
    return POLYP_OK;
done:
    augment_room_destroy(room);
    return result;
}

void augment_room_destroy(augment_room *room)
{
    if (!room) return;
    packed_free(&room->packed);
    memory_free(room->rows_block);
    memory_free(room->plane);
    polyp_image_free(&room->bytes);
    memory_free(room);
}

/* ---- how finely to sample ------------------------------------------------------------------------------- */

/* How far apart, in pixels of the picture, neighbours of the output lie: the least and the most of both directions, at the
 * corners and the middle. */
typedef struct spacing {
    double least, most;
} spacing;

static spacing find_spacing(const homography *h, int size)
{
    spacing s = {INFINITY, 0};
    for (int i = 0; i < 9; i += 2) { /* corners and middle of a 3 x 3 grid */
        const double x = 0.5 * (i % 3) * size, y = 0.5 * (i / 3) * size;
        const place here = homography_place(h, x, y), right = homography_place(h, x + 1, y);
        const place below = homography_place(h, x, y + 1);
        const double across = hypot(right.x - here.x, right.y - here.y),
                     down = hypot(below.x - here.x, below.y - here.y);
        s.least = fmin(s.least, fmin(across, down));
        s.most = fmax(s.most, fmax(across, down));
    }
    return s;
}

/* Indices of pixels to indices of blocks of pixels. */
static homography to_blocks(int block)
{
    const double part = 1.0 / block, middle = 0.5 * part - 0.5;
    return (homography){{part, 0, middle, 0, part, middle, 0, 0, 1}};
}

/* Means of whole blocks as far as the finest place allows, then as many samples a pixel as the coarsest place needs. */
static status sample_once(float *levels, augment_room *room, const homography *h, const elastic *bent, bool black,
                          const polyp_image *picture)
{
    const spacing s = find_spacing(h, room->size);
    const int block = (int)fmin(fmax(floor(s.least), 1), 64);
    const int taps = (int)fmin(fmax(ceil(s.most / block - 0.15), 1), TAPS_MOST);
    const homography blocks = to_blocks(block), from = homography_after(&blocks, h);
    TRY(packed_fill(&room->packed, picture, block));
    resample_picture(levels, &room->packed, &from, bent, taps, black, room->size, &room->rows);
    return POLYP_OK;
}

static status sample_squished(float *levels, augment_room *room, const homography *h, const elastic *bent, bool black,
                              const polyp_image *picture)
{
    if (picture->width != room->size || picture->height != room->size) {
        return fail(POLYP_ERR_ARGUMENT, "this picture is %d x %d; it must be squished to %d x %d first", picture->width,
                    picture->height, room->size, room->size);
    }
    TRY(packed_fill(&room->packed, picture, 1));
    resample_picture(levels, &room->packed, h, bent, 1, black, room->size, &room->rows);
    return POLYP_OK;
}

/* ---- what lies outside ---------------------------------------------------------------------------------- */

/* Is the block of a 24th of the shorter side in this corner nearly black? */
static bool corner_is_black(const polyp_image *picture, bool right, bool bottom)
{
    const int shorter = picture->width < picture->height ? picture->width : picture->height, side = (shorter + 23) / 24;
    const int left = right ? picture->width - side : 0, top = bottom ? picture->height - side : 0;
    unsigned long sum = 0;
    for (int y = top; y < top + side; y++) {
        const unsigned char *const row = picture->pixels + 3 * ((size_t)y * (size_t)picture->width + (size_t)left);
        for (int i = 0; i < 3 * side; i++) sum += row[i];
    }
    return sum < 20UL * 3 * (unsigned long)(side * side);
}

/* See enum augment_fill. */
static bool fill_is_black(const augment_draws *draws, const polyp_image *picture)
{
    if (draws->fill != AUGMENT_FILL_EITHER) return draws->fill == AUGMENT_FILL_BLACK;
    if (draws->of[AUGMENT_SCALE].value[0] < 2.0 / 3) return true;
    int black = 0;
    for (int i = 0; i < 4; i++) black += corner_is_black(picture, i % 2, i / 2);
    return black >= 2;
}

/* ---- in order ------------------------------------------------------------------------------------------- */

static status resample(float *levels, unsigned char *mask, augment_room *room, const augment_draws *draws,
                       enum augment_pipeline pipeline, const augment_source *source)
{
    const bool once = pipeline == AUGMENT_ONCE;
    const int width = source->picture->width, height = source->picture->height;
    const homography whole = augment_homography(draws, width, height);
    const homography pixels = augment_pixels(&whole, room->size, width, height, !once);
    const bool black = fill_is_black(draws, source->picture);
    elastic bent;
    elastic_draw(&bent, &draws->of[AUGMENT_ELASTIC], room->size);
    TRY((once ? sample_once : sample_squished)(levels, room, &pixels, &bent, black, source->picture));
    resample_mask(mask, source->mask, &pixels, &bent, black, room->size, &room->rows);
    return POLYP_OK;
}

status augment_apply(float *levels, unsigned char *mask, augment_room *room, const augment_draws *draws,
                     enum augment_pipeline pipeline, const augment_source *source)
{
    const augment_draw *const of = draws->of;
    const size_t plane = (size_t)room->size * (size_t)room->size;
    TRY(resample(levels, mask, room, draws, pipeline, source));
    if (of[AUGMENT_COLOURS_OF_ANOTHER].on) {
        const float share = (float)of[AUGMENT_COLOURS_OF_ANOTHER].value[0];
        colour_statistics_transfer(levels, &source->own, &source->other, share, plane);
    }
    lighting_apply(levels, draws, 3 * plane);
    colours_apply(levels, draws, plane);
    blur_apply(levels, room, &of[AUGMENT_BLUR]);
    noise_apply(levels, &of[AUGMENT_NOISE], 3 * plane);
    border_apply(levels, mask, &of[AUGMENT_BORDER], room->size);
    inset_apply(levels, mask, &of[AUGMENT_INSET], room->size);
    TRY(recording_apply(levels, room, draws));
    cutout_apply(levels, &of[AUGMENT_CUTOUT], room->size);
    return POLYP_OK;
}
