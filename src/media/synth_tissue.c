/* The wall of the gut: folds around the lumen, waves, colour, vessels, and the fold before everything else. */
#include "media/synth_scene.h"

#include <string.h>

/* ---- choosing ------------------------------------------------------------------------------------------- */

/* Colours of healthy mucosa as endoscopes show it: pink, orange, brownish, red, pale. */
static colour mucosa_colour(scene *s)
{
    static const colour kinds[] = {
        {0.86f, 0.52f, 0.44f}, {0.84f, 0.53f, 0.34f}, {0.72f, 0.47f, 0.32f},
        {0.84f, 0.42f, 0.35f}, {0.90f, 0.64f, 0.54f}, {0.82f, 0.55f, 0.50f},
    };
    const size_t count = sizeof kinds / sizeof kinds[0];
    const colour a = kinds[random_below(&s->random, count)], b = kinds[random_below(&s->random, count)];
    const float share = scene_uniform(s, 0, 1);
    return (colour){mix(a.red, b.red, share), mix(a.green, b.green, share), mix(a.blue, b.blue, share)};
}

/* A look along the gut has the lumen in the frame; a look at the wall has it far outside. */
static void choose_lumen(scene *s)
{
    tissue *const t = &s->tissue;
    if (scene_chance(s, 0.5)) {
        t->lumen = (point){s->across * scene_uniform(s, 0.15, 0.85), s->down * scene_uniform(s, 0.15, 0.85)};
        t->lumen_radius = scene_uniform(s, 0.06, 0.20);
        return;
    }
    const point way = scene_direction(s);
    const float distance = scene_uniform(s, 0.8, 2.2);
    t->lumen = (point){0.5f * s->across + way.x * distance, 0.5f * s->down + way.y * distance};
    t->lumen_radius = scene_uniform(s, 0.1, 0.5);
}

static void choose_fold(scene *s)
{
    front_fold *const f = &s->fold;
    if (!scene_chance(s, 0.35)) return;
    const point way = scene_direction(s);
    f->radius = scene_uniform(s, 0.5, 1.6);
    /* it reaches into the frame by a quarter or less of the shorter side */
    const float distance =
        0.5f * (s->across * fabsf(way.x) + s->down * fabsf(way.y)) + f->radius - scene_uniform(s, 0.05, 0.28);
    f->centre = (point){0.5f * s->across + way.x * distance, 0.5f * s->down + way.y * distance};
    f->wave = scene_uniform(s, 0.01, 0.06);
}

void tissue_choose(scene *s)
{
    tissue *const t = &s->tissue;
    choose_lumen(s);
    t->fold_rate = scene_uniform(s, 0.7, 1.9);
    t->fold_wobble = scene_uniform(s, 0.15, 0.6);
    t->fold_depth = scene_chance(s, 0.2) ? 0.1f : scene_uniform(s, 0.3, 0.85);
    t->cone = scene_uniform(s, 0.35, 0.75);
    t->bump = scene_uniform(s, 0.010, 0.045);
    t->wetness = scene_uniform(s, 0.0008, 0.0024);
    t->base = mucosa_colour(s);
    t->mottling = scene_uniform(s, 0.04, 0.16);
    t->redness = scene_chance(s, 0.5) ? scene_uniform(s, 0.05, 0.35) : 0.05f;
    t->vessels = scene_chance(s, 0.3) ? 0.0f : scene_uniform(s, 0.15, 0.75);
    choose_fold(s);
    s->lamp = (point){s->across * scene_uniform(s, 0.35, 0.65), s->down * scene_uniform(s, 0.35, 0.65)};
    s->exposure = scene_uniform(s, 0.95, 1.6);
}

/* ---- surface -------------------------------------------------------------------------------------------- */

/* log2, from the number's own exponent and a cubic through its fraction; error under 0.001 */
static float log2_near(float v)
{
    unsigned bits;
    memcpy(&bits, &v, sizeof bits);
    const int exponent = (int)(bits >> 23) - 127;
    bits = (bits & 0x7fffffu) | 0x3f800000u;
    memcpy(&v, &bits, sizeof v);
    return (float)exponent + (-2.153620718f + v * (3.047884161f + v * (-1.051875031f + v * 0.158248675f)));
}

typedef struct fold_value {
    float light; /* 1 on the lip of a fold, less behind it */
    float height;
} fold_value;

/*
 * Folds are rings around the lumen, wavy, of a depth that changes along each ring. Going outwards the surface falls
 * into shade until the lip of the next, nearer ring covers it.
 */
static fold_value folds_at(const scene *s, point way, float radius, float broad)
{
    const tissue *const t = &s->tissue;
    const float wobble = noise_at(s, 1.7f * way.x + 11.0f, 1.7f * way.y + 23.0f);
    const float place = log2_near(radius) * t->fold_rate + (wobble + 0.4f * broad) * t->fold_wobble;
    const int ring = floor_int(place);
    const float along = place - (float)ring;
    const float shift = 7.3f * (float)(ring & 15);
    const float depth = clamp01(0.45f + 1.4f * noise_at(s, 1.9f * way.x + shift, 1.9f * way.y + 41.0f)) * t->fold_depth;
    const float shade = along * along * ramp(1.03f, 0.96f, along); /* the lip's edge is a few pixels wide */
    const float rounding = clamp01(along * 3.0f);
    const float hill = rounding * (2.0f - rounding) * (1.0f - along);
    return (fold_value){1.0f - 0.85f * depth * shade, 0.07f * depth * radius * hill / t->fold_rate};
}

/* Light falls off from the lamp's middle, and into the lumen. */
static float depth_light(const scene *s, float x, float y, float radius)
{
    const float dx = x - s->lamp.x, dy = y - s->lamp.y;
    const float near = 1.0f / (1.0f + 0.9f * (dx * dx + dy * dy));
    const float r = s->tissue.lumen_radius;
    return near * mix(0.07f, 1.0f, ramp(0.15f * r, 3.2f * r, radius));
}

static void colour_at(scene *s, size_t i, float x, float y, float broad)
{
    const tissue *const t = &s->tissue;
    const float spots = noise_two(s, 6.0f * x + 71.0f, 6.0f * y + 5.0f);
    const float grain = noise_at(s, 60.0f * x, 60.0f * y);
    const float bright = 1.0f + t->mottling * spots + 0.025f * grain;
    const float red = t->redness * ramp(0.0f, 0.9f, broad + 0.5f * spots);
    s->red[i] = t->base.red * bright;
    s->green[i] = t->base.green * bright * (1.0f - 0.8f * red);
    s->blue[i] = t->base.blue * bright * (1.0f - 0.7f * red);
}

static void tissue_pixel(scene *s, size_t i, float x, float y)
{
    const tissue *const t = &s->tissue;
    const float dx = x - t->lumen.x, dy = y - t->lumen.y, radius = sqrtf(dx * dx + dy * dy) + 1e-3f;
    const float broad = noise_two(s, 2.4f * x + 3.0f, 2.4f * y + 57.0f);
    const fold_value fold = folds_at(s, (point){dx / radius, dy / radius}, radius, broad);
    const float shore = 0.55f + 0.75f * noise_at(s, 4.1f * x + 29.0f, 4.1f * y); /* highlights come in groups */
    s->wet[i] = t->wetness * (shore > 0.1f ? shore : 0.1f) *
                (noise_at(s, 24.0f * x, 24.0f * y + 9.0f) * 1.6f + noise_at(s, 55.0f * x + 5.0f, 55.0f * y));
    const float lumps = noise_at(s, 11.0f * x + 47.0f, 11.0f * y + 3.0f);
    s->surface[i] = fold.height + t->bump * (broad + 0.09f * lumps) + 0.6f * s->wet[i] - t->cone * radius;
    s->light[i] = fold.light * depth_light(s, x, y, radius);
    colour_at(s, i, x, y, broad);
}

void tissue_draw(scene *s)
{
    size_t i = 0;
    for (int row = 0; row < s->height; row++) {
        for (int column = 0; column < s->width; column++, i++) {
            tissue_pixel(s, i, ((float)column + 0.5f) * s->pixel, ((float)row + 0.5f) * s->pixel);
        }
    }
}

/* ---- vessels -------------------------------------------------------------------------------------------- */

/* A short straight piece with soft sides. */
static void vessel_piece(scene *s, point a, point b, float width)
{
    const float reach = width + s->pixel;
    const point middle = {0.5f * (a.x + b.x), 0.5f * (a.y + b.y)};
    const pixel_box box = scene_box(s, middle, reach + 0.5f * fmaxf(fabsf(b.x - a.x), fabsf(b.y - a.y)));
    const point d = {b.x - a.x, b.y - a.y};
    const float length = d.x * d.x + d.y * d.y + 1e-9f;
    for (int row = box.top; row < box.bottom; row++) {
        for (int column = box.left; column < box.right; column++) {
            const point p = {((float)column + 0.5f) * s->pixel - a.x, ((float)row + 0.5f) * s->pixel - a.y};
            const float along = clamp01((p.x * d.x + p.y * d.y) / length);
            const float ex = p.x - along * d.x, ey = p.y - along * d.y;
            const float value = clamp01((reach - sqrtf(ex * ex + ey * ey)) / (width + s->pixel));
            float *const v = &s->vessel[(size_t)row * (size_t)s->width + (size_t)column];
            if (value > *v) *v = value;
        }
    }
}

/* One branch, which grows thinner and sends out others. */
static void vessel_branch(scene *s, point at, point way, float width, int generation)
{
    const int pieces = 6 + (int)random_below(&s->random, 14);
    const float step = 0.014f;
    for (int i = 0; i < pieces && width > 0.0008f; i++) {
        const float turn = scene_uniform(s, -0.45, 0.45);
        const point turned = {way.x - turn * way.y, way.y + turn * way.x};
        const float norm = sqrtf(turned.x * turned.x + turned.y * turned.y);
        way = (point){turned.x / norm, turned.y / norm};
        const point next = {at.x + step * way.x, at.y + step * way.y};
        vessel_piece(s, at, next, width);
        at = next;
        width *= 0.965f;
        if (generation < 4 && scene_chance(s, 0.16)) {
            const float side = scene_chance(s, 0.5) ? 0.9f : -0.9f;
            vessel_branch(s, at, (point){way.x - side * way.y, way.y + side * way.x}, width * 0.65f, generation + 1);
        }
    }
    if (generation < 3) vessel_branch(s, at, way, width * 0.8f, generation + 1);
}

static void vessels_colour(scene *s)
{
    const size_t pixels = (size_t)s->width * (size_t)s->height;
    for (size_t i = 0; i < pixels; i++) {
        const float v = s->vessel[i] * s->tissue.vessels;
        s->red[i] *= 1.0f - 0.22f * v;
        s->green[i] *= 1.0f - 0.50f * v;
        s->blue[i] *= 1.0f - 0.42f * v;
    }
}

void vessels_draw(scene *s)
{
    if (s->tissue.vessels <= 0.0f) return;
    const int trees = 8 + (int)random_below(&s->random, 28);
    for (int i = 0; i < trees; i++) {
        const point root = {s->across * scene_uniform(s, 0, 1), s->down * scene_uniform(s, 0, 1)};
        vessel_branch(s, root, scene_direction(s), scene_uniform(s, 0.0014, 0.0040), 0);
    }
    vessels_colour(s);
}

/* ---- the fold before everything else -------------------------------------------------------------------- */

float fold_inside(const scene *s, float x, float y)
{
    const front_fold *const f = &s->fold;
    if (f->radius <= 0.0f) return -1.0f;
    const float dx = x - f->centre.x, dy = y - f->centre.y, d = sqrtf(dx * dx + dy * dy) + 1e-3f;
    return f->radius - d + f->wave * noise_two(s, 5.0f * dx / d + 83.0f, 5.0f * dy / d + 13.0f);
}

/* Its lip is round and near the lamp: bright. Behind it lies a shadow. */
static void fold_pixel(scene *s, size_t i, float x, float y)
{
    const float inside = fold_inside(s, x, y);
    if (inside < -0.15f) return;
    if (inside < 0.0f) {
        s->light[i] *= 1.0f - 0.55f * fade(-inside * 28.0f);
        return;
    }
    const float lip = clamp01(inside / 0.16f);
    s->surface[i] =
        0.10f * sqrtf(lip * (2.0f - lip)) + 0.4f * s->tissue.bump * noise_at(s, 3.0f * x, 3.0f * y) - 0.15f * inside;
    s->light[i] = mix(depth_light(s, x, y, 2.0f), s->light[i], 0.25f) * mix(0.85f, 1.3f, lip);
    s->mask[i] = 0;
    colour_at(s, i, x, y, noise_two(s, 2.4f * x + 3.0f, 2.4f * y + 57.0f));
}

void fold_draw(scene *s)
{
    size_t i = 0;
    if (s->fold.radius <= 0.0f) return;
    for (int row = 0; row < s->height; row++) {
        for (int column = 0; column < s->width; column++, i++) {
            fold_pixel(s, i, ((float)column + 0.5f) * s->pixel, ((float)row + 0.5f) * s->pixel);
        }
    }
}
