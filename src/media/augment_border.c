/* What an endoscope's processor draws over the picture: a black frame, and a box in the lower left corner. */
#include <math.h>

#include "base/random.h"
#include "media/augment_impl.h"

static const float BLACK = 3.0f; /* a recorded black is rarely 0 */

/* ---- the frame ------------------------------------------------------------------------------------------ */

enum frame { FRAME_OCTAGON, FRAME_CIRCLE, FRAME_ROUNDED, FRAME_BARS, FRAMES };

/* How far (x, y) in 0..1 lies inside the frame, in sides; negative: under it. */
static float inside_frame(enum frame frame, float cut, float x, float y)
{
    const float ex = fminf(x, 1 - x), ey = fminf(y, 1 - y);
    const float cx = 2 * cut - ex, cy = 2 * cut - ey;
    switch (frame) {
    case FRAME_OCTAGON: return 0.70710678f * (ex + ey - cut);
    case FRAME_CIRCLE: return 0.70710678f - cut - hypotf(x - 0.5f, y - 0.5f);
    case FRAME_BARS: return ex - cut;
    default: return cx > 0 && cy > 0 ? 2 * cut - hypotf(cx, cy) : 1;
    }
}

void border_apply(float *levels, unsigned char *mask, const augment_draw *draw, int size)
{
    if (!draw->on) return;
    const enum frame frame = (enum frame)(int)(FRAMES * draw->pick);
    const float cut = (float)draw->value[0], pixel = 1.0f / (float)size;
    const size_t plane = (size_t)size * (size_t)size;
    for (size_t i = 0; i < plane; i++) {
        const float x = ((float)(i % (size_t)size) + 0.5f) * pixel, y = ((float)(i / (size_t)size) + 0.5f) * pixel;
        const float inside = inside_frame(frame, cut, x, y), share = 0.5f + inside * (float)size;
        if (share >= 1) continue;
        const float seen = fmaxf(share, 0);
        for (size_t c = 0; c < 3; c++) levels[c * plane + i] = BLACK + seen * (levels[c * plane + i] - BLACK);
        if (inside < 0) mask[i] = MASK_BACKGROUND;
    }
}

/* ---- the box -------------------------------------------------------------------------------------------- */

typedef struct box {
    float *levels;
    int size, width, height; /* its lower left corner is the picture's */
} box;

static void set_pixel(const box *b, int x, int y, const float rgb[3])
{
    const size_t plane = (size_t)b->size * (size_t)b->size;
    const size_t at = (size_t)(b->size - b->height + y) * (size_t)b->size + (size_t)x;
    for (size_t c = 0; c < 3; c++) b->levels[c * plane + at] = rgb[c];
}

static void set_disc(const box *b, double x, double y, double radius, const float rgb[3])
{
    for (int row = (int)fmax(y - radius, 0); row <= y + radius && row < b->height; row++) {
        for (int column = (int)fmax(x - radius, 0); column <= x + radius && column < b->width; column++) {
            if (hypot(column - x, row - y) <= radius) set_pixel(b, column, row, rgb);
        }
    }
}

/* The endoscope's shape as a position display shows it: a thick bright line that winds through the box. */
static void draw_shape(const box *b, random_stream *r, const float rgb[3])
{
    double phase[4], turns[2];
    for (int i = 0; i < 4; i++) phase[i] = random_uniform(r, 0, 2 * M_PI);
    for (int i = 0; i < 2; i++) turns[i] = random_uniform(r, 3, 7);
    const double radius = fmax(0.035 * b->width, 0.6);
    for (int i = 0; i < 4 * b->width; i++) {
        const double t = i / (4.0 * b->width);
        const double x = 0.5 + 0.22 * sin(turns[0] * t + phase[0]) + 0.12 * sin(2 * turns[0] * t + phase[1]);
        const double y = 0.85 - 0.7 * t + 0.1 * sin(turns[1] * t + phase[2]) + 0.05 * sin(2 * turns[1] * t + phase[3]);
        set_disc(b, x * b->width, y * b->height, radius, rgb);
    }
}

void inset_apply(float *levels, unsigned char *mask, const augment_draw *draw, int size)
{
    if (!draw->on) return;
    random_stream r = {draw->seed};
    const box b = {levels, size, (int)round(draw->value[0] * size), (int)round(draw->value[1] * size)};
    const bool shows_shape = draw->pick < 0.6;
    const float light = (float)random_uniform(&r, 0.6, 1.2), blue = (float)random_uniform(&r, 20, 90);
    const float ground[3] = {shows_shape ? 25 * light : BLACK, shows_shape ? 100 * light : BLACK,
                             shows_shape ? blue * light : BLACK};
    const float line[3] = {170, 205, 170};
    for (int y = 0; y < b.height; y++) {
        for (int x = 0; x < b.width; x++) {
            set_pixel(&b, x, y, ground);
            mask[(size_t)(size - b.height + y) * (size_t)size + (size_t)x] = MASK_BACKGROUND;
        }
    }
    if (shows_shape) draw_shape(&b, &r, line);
}
