/* One drawn frame from beginning to end. */
#include "media/synth.h"

#include <string.h>

#include "base/memory.h"
#include "media/image.h"
#include "media/synth_scene.h"

enum { SIDE_LEAST = 32, PLANES = 7 };

static void choose_border(scene *s)
{
    border *const b = &s->border;
    const float dice = scene_uniform(s, 0, 1);
    const float half = 0.5f * sqrtf(s->across * s->across + s->down * s->down);
    if (dice < 0.5f) *b = (border){.kind = BORDER_OCTAGON, .cut = scene_uniform(s, 0.15, 0.34)};
    else if (dice < 0.68f) *b = (border){.kind = BORDER_CIRCLE, .cut = half * scene_uniform(s, 0.76, 0.97)};
    else if (dice < 0.82f) *b = (border){.kind = BORDER_ROUNDED, .cut = scene_uniform(s, 0.1, 0.4)};
    if (b->kind != BORDER_NONE && scene_chance(s, 0.3)) {
        b->box_width = s->across * scene_uniform(s, 0.2, 0.36);
        b->box_height = s->down * scene_uniform(s, 0.2, 0.36);
    }
}

/* One block for all float planes and the lattice. */
static status scene_open(scene *s, float **block, uint64_t seed, uint64_t index, int width, int height)
{
    const size_t pixels = (size_t)width * (size_t)height, lattice = (size_t)NOISE_SIDE * NOISE_SIDE;
    const int shorter = width < height ? width : height;
    float **const planes[PLANES] = {&s->surface, &s->wet, &s->light, &s->vessel, &s->red, &s->green, &s->blue};
    TRY(memory_new(block, PLANES * pixels + lattice));
    for (int i = 0; i < PLANES; i++) *planes[i] = *block + (size_t)i * pixels;
    s->lattice = *block + PLANES * pixels;
    s->width = width;
    s->height = height;
    s->pixel = 1.0f / (float)shorter;
    s->across = (float)width * s->pixel;
    s->down = (float)height * s->pixel;
    s->random = random_open(seed, RANDOM_SYNTH, 0, index);
    for (size_t i = 0; i < lattice; i++) s->lattice[i] = scene_uniform(s, -1, 1);
    return POLYP_OK;
}

pixel_box scene_box(const scene *s, point centre, float reach)
{
    return (pixel_box){
        .left = (int)fmaxf(0.0f, (centre.x - reach) / s->pixel),
        .right = (int)fmaxf(0.0f, fminf((float)s->width, (centre.x + reach) / s->pixel + 1.0f)),
        .top = (int)fmaxf(0.0f, (centre.y - reach) / s->pixel),
        .bottom = (int)fmaxf(0.0f, fminf((float)s->height, (centre.y + reach) / s->pixel + 1.0f)),
    };
}

static void draw_scene(scene *s)
{
    tissue_choose(s);
    choose_border(s);
    tissue_draw(s);
    vessels_draw(s);
    polyps_choose(s);
    polyps_draw(s);
    fold_draw(s);
    debris_draw(s);
    light_draw(s);
    bubbles_draw(s);
    optics_draw(s);
    border_draw(s);
}

static unsigned char to_byte(float v)
{
    return (unsigned char)(clamp01(v) * 255.0f + 0.5f);
}

/* Colour cast, contrast and the sensor's noise: two even draws of 9 bits make a triangle for each channel. */
static void develop(scene *s, unsigned char *pixels)
{
    const size_t count = (size_t)s->width * (size_t)s->height;
    const colour cast = {scene_uniform(s, 0.95, 1.06), scene_uniform(s, 0.88, 1.06), scene_uniform(s, 0.82, 1.12)};
    const float grain = scene_uniform(s, 0.004, 0.03) / 512.0f, contrast = scene_uniform(s, 0.0, 0.35);
    for (size_t i = 0; i < count; i++) {
        const uint64_t bits = random_next(&s->random);
        const float planes[3] = {s->red[i] * cast.red, s->green[i] * cast.green, s->blue[i] * cast.blue};
        for (int c = 0; c < 3; c++) {
            const int noise = (int)(bits >> (18 * c) & 511) - (int)(bits >> (18 * c + 9) & 511);
            const float v = clamp01(planes[c]), curved = mix(v, v * v * (3.0f - 2.0f * v), contrast);
            pixels[3 * i + (size_t)c] = to_byte(curved + grain * (float)noise);
        }
    }
}

status synth_draw(polyp_image *picture, polyp_image *mask, synth_facts *facts, uint64_t seed, uint64_t index, int width,
                  int height)
{
    scene s = {.polyp_count = 0};
    polyp_image drawn = {0}, truth = {0};
    float *block = NULL;
    status result;
    if (width < SIDE_LEAST || height < SIDE_LEAST) {
        return fail(POLYP_ERR_SIZE, "a drawn frame of %d x %d is too small; draw %d x %d or more", width, height,
                    SIDE_LEAST, SIDE_LEAST);
    }
    TRY_DONE(image_create(&drawn, width, height, 3));
    TRY_DONE(image_create(&truth, width, height, 1));
    TRY_DONE(scene_open(&s, &block, seed, index, width, height));
    s.mask = truth.pixels;
    draw_scene(&s);
    develop(&s, drawn.pixels);
    *picture = drawn;
    *mask = truth;
    facts->polyps = s.polyp_count;
    drawn = truth = (polyp_image){0};
done:
    memory_free(block);
    polyp_image_free(&drawn);
    polyp_image_free(&truth);
    return result;
}
