/* Polyps: chosen so that enough of them can be seen, drawn as raised bodies with their colour, texture and shadow. */
#include "media/synth_scene.h"

enum { PLACE_TRIES = 40, GRID_STEPS = 36 };

/* Shares of the frame that a polyp may take where it is seen. */
#define SHARE_LEAST 0.018f
#define SHARE_MOST  0.36f

/* ---- shape ---------------------------------------------------------------------------------------------- */

/* A polyp above one place: where in it (1: on its outline) and how high. */
typedef struct polyp_value {
    float inside; /* 0 middle .. 1 outline; more: outside, in radii */
    float height;
} polyp_value;

/* min(a, b) with the corner rounded over `width` */
static float soft_min(float a, float b, float width)
{
    const float overlap = width - fabsf(a - b);
    const float lower = a < b ? a : b;
    return overlap > 0.0f ? lower - overlap * overlap / (4.0f * width) : lower;
}

static float profile(float inside, float softness)
{
    const float q = 1.0f - inside * inside;
    if (q <= 0.0f) return 0.0f;
    return mix(sqrtf(q), q * q * (3.0f - 2.0f * q), softness);
}

/* Into the polyp's own frame: its long side lies along u, its radius is 1. */
static point polyp_local(const polyp *p, float x, float y)
{
    const float dx = (x - p->centre.x) / p->radius, dy = (y - p->centre.y) / p->radius;
    return (point){dx * p->axis.x + dy * p->axis.y, (dy * p->axis.x - dx * p->axis.y) / p->squeeze};
}

static polyp_value polyp_at(const scene *s, const polyp *p, float x, float y)
{
    const point at = polyp_local(p, x, y);
    const float wave = noise_two(s, p->wave_rate * at.x + p->noise_place, p->wave_rate * at.y + 7.0f);
    const float stretch = 1.0f / (1.0f + p->wave * wave);
    polyp_value v = {9.0f, 0.0f};
    for (int i = 0; i < p->count; i++) {
        const ball *const b = &p->balls[i];
        const float dx = (at.x - b->centre.x) / b->radius, dy = (at.y - b->centre.y) / b->radius;
        const float inside = sqrtf(dx * dx + dy * dy) * stretch;
        const float height = (b->height + b->radius * profile(inside, p->softness)) * p->elevation * p->radius;
        v.inside = soft_min(v.inside, inside, p->melt);
        if (inside < 1.0f) v.height = -soft_min(-v.height, -height, p->melt * p->radius * 0.5f);
    }
    return v;
}

/* Half the side of a square around the centre that holds the polyp and its shadow. */
static float polyp_reach(const polyp *p)
{
    float reach = 0.0f;
    for (int i = 0; i < p->count; i++) {
        const ball *const b = &p->balls[i];
        const float far = sqrtf(b->centre.x * b->centre.x + b->centre.y * b->centre.y) + b->radius;
        if (far > reach) reach = far;
    }
    return 1.35f * reach * p->radius * (1.0f + p->wave);
}

/* ---- choosing ------------------------------------------------------------------------------------------- */

static void add_ball(polyp *p, float x, float y, float radius, float height)
{
    if (p->count < BALLS_MOST) p->balls[p->count++] = (ball){{x, y}, radius, height};
}

static void shape_sessile(scene *s, polyp *p)
{
    const int extra = (int)random_below(&s->random, 3);
    add_ball(p, 0, 0, 1, 0);
    for (int i = 0; i < extra; i++) {
        const point way = scene_direction(s);
        add_ball(p, 0.6f * way.x, 0.6f * way.y, scene_uniform(s, 0.5, 0.75), 0);
    }
    p->elevation = scene_uniform(s, 0.4, 0.95);
    p->softness = scene_uniform(s, 0.12, 0.5);
    p->melt = 0.5f;
}

static void shape_flat(scene *s, polyp *p)
{
    add_ball(p, 0, 0, 1, 0);
    add_ball(p, scene_uniform(s, -0.7, 0.7), scene_uniform(s, -0.4, 0.4), scene_uniform(s, 0.5, 0.8), 0);
    p->elevation = scene_uniform(s, 0.14, 0.32);
    p->softness = scene_uniform(s, 0.0, 0.6);
    p->melt = 0.4f;
    p->wave = scene_uniform(s, 0.12, 0.28);
    p->wave_rate = scene_uniform(s, 1.6, 3.2);
    p->pits = scene_uniform(s, 0.25, 0.5);
}

static void shape_lobed(scene *s, polyp *p)
{
    const int lobes = 5 + (int)random_below(&s->random, 7);
    add_ball(p, 0, 0, 0.62f, 0.15f);
    for (int i = 0; i < lobes; i++) {
        const point way = scene_direction(s);
        const float distance = scene_uniform(s, 0.4, 0.72);
        add_ball(p, way.x * distance, way.y * distance, scene_uniform(s, 0.28, 0.5), scene_uniform(s, 0, 0.35));
    }
    p->elevation = scene_uniform(s, 0.7, 1.0);
    p->softness = scene_uniform(s, 0.1, 0.3);
    p->melt = scene_uniform(s, 0.08, 0.2);
}

/* A head on a stalk that bends: the stalk is a chain of small balls below the head. */
static void shape_stalked(scene *s, polyp *p)
{
    const float bend = scene_uniform(s, -0.5, 0.5), length = scene_uniform(s, 1.3, 2.0);
    const float thick = scene_uniform(s, 0.28, 0.42);
    for (int i = 0; i < 9; i++) {
        const float along = (float)i / 8.0f, from = mix(0.4f, length, along);
        add_ball(p, from, bend * along * along, thick * (1.0f + 0.35f * along * along), -0.1f * along);
    }
    add_ball(p, 0, 0, 0.85f, 0.35f);
    if (scene_chance(s, 0.5)) add_ball(p, scene_uniform(s, -0.4, 0.1), scene_uniform(s, -0.5, 0.5), 0.55f, 0.45f);
    p->elevation = scene_uniform(s, 0.65, 0.95);
    p->softness = 0.18f;
    p->melt = 0.15f;
}

static void choose_shape(scene *s, polyp *p)
{
    const float kind = scene_uniform(s, 0, 1);
    p->wave = scene_uniform(s, 0.02, 0.12);
    p->wave_rate = scene_uniform(s, 1.0, 2.4);
    p->pits = scene_chance(s, 0.25) ? 0.0f : scene_uniform(s, 0.08, 0.4);
    if (kind < 0.42f) shape_sessile(s, p);
    else if (kind < 0.60f) shape_flat(s, p);
    else if (kind < 0.80f) shape_lobed(s, p);
    else shape_stalked(s, p);
    p->axis = scene_direction(s);
    p->squeeze = scene_uniform(s, 0.65, 1.0);
    p->pit_rate = scene_uniform(s, 26, 70);
    p->striped = scene_chance(s, 0.3);
    p->noise_place = scene_uniform(s, 0, 100);
}

static float between(scene *s, double low, double high, float v)
{
    return v * scene_uniform(s, low, high);
}

/* Close to the mucosa, redder, paler, or yellowish. */
static void choose_colour(scene *s, polyp *p)
{
    const float kind = scene_uniform(s, 0, 1);
    const colour m = s->tissue.base;
    if (kind < 0.38f) {
        p->base =
            (colour){between(s, 0.96, 1.05, m.red), between(s, 0.93, 1.06, m.green), between(s, 0.93, 1.06, m.blue)};
    } else if (kind < 0.68f) {
        p->base =
            (colour){between(s, 0.98, 1.06, m.red), between(s, 0.72, 0.90, m.green), between(s, 0.74, 0.92, m.blue)};
    } else if (kind < 0.88f) {
        p->base =
            (colour){between(s, 1.0, 1.08, m.red), between(s, 1.08, 1.25, m.green), between(s, 1.05, 1.28, m.blue)};
    } else {
        p->base = (colour){mix(m.red, 0.92f, 0.4f), mix(m.green, 0.72f, 0.4f), mix(m.blue, 0.46f, 0.4f)};
    }
}

/* ---- placing -------------------------------------------------------------------------------------------- */

typedef struct sight {
    float area; /* of the whole polyp, as a share of the frame */
    float seen; /* of what border, fold and the frame's edge leave of it */
} sight;

static bool is_seen(const scene *s, float x, float y)
{
    if (x < 0.0f || y < 0.0f || x >= s->across || y >= s->down) return false;
    return fold_inside(s, x, y) < 0.0f && !border_covers(s, x, y);
}

static sight polyp_sight(const scene *s, const polyp *p)
{
    const float reach = polyp_reach(p), step = 2.0f * reach / GRID_STEPS;
    const float share = step * step / (s->across * s->down);
    sight found = {0, 0};
    for (int i = 0; i < GRID_STEPS * GRID_STEPS; i++) {
        const float x = p->centre.x - reach + step * ((float)(i % GRID_STEPS) + 0.5f);
        const float y = p->centre.y - reach + step * ((float)(i / GRID_STEPS) + 0.5f);
        if (polyp_at(s, p, x, y).inside >= 1.0f) continue;
        found.area += share;
        if (is_seen(s, x, y)) found.seen += share;
    }
    return found;
}

static bool touches_others(const scene *s, const polyp *p)
{
    for (int i = 0; i < s->polyp_count; i++) {
        const polyp *const other = &s->polyps[i];
        const float dx = p->centre.x - other->centre.x, dy = p->centre.y - other->centre.y;
        const float room = polyp_reach(p) + polyp_reach(other);
        if (dx * dx + dy * dy < room * room) return true;
    }
    return false;
}

static float plane_at(const scene *s, const float *plane, float x, float y)
{
    const int column = (int)(clamp01(x / s->across) * (float)(s->width - 1));
    const int row = (int)(clamp01(y / s->down) * (float)(s->height - 1));
    return plane[(size_t)row * (size_t)s->width + (size_t)column];
}

/* Scale to the wanted area, then try places until most of it is seen, in light, apart from other polyps. */
static bool place_polyp(scene *s, polyp *p, float share)
{
    p->radius = 0.2f;
    p->centre = (point){0.5f * s->across, 0.5f * s->down};
    p->radius *= sqrtf(share / polyp_sight(s, p).area);
    for (int i = 0; i < PLACE_TRIES; i++) {
        p->centre = (point){s->across * scene_uniform(s, 0, 1), s->down * scene_uniform(s, 0, 1)};
        if (!is_seen(s, p->centre.x, p->centre.y) || touches_others(s, p)) continue;
        if (plane_at(s, s->light, p->centre.x, p->centre.y) < 0.4f) continue;
        const sight found = polyp_sight(s, p);
        if (found.seen >= 0.6f * found.area && found.seen >= SHARE_LEAST && found.seen <= SHARE_MOST) return true;
    }
    return false;
}

/* Small polyps are as frequent as large ones by factors, not by differences: least * (most / least)^draw, by a chord
 * of that curve between powers of two. */
static float choose_share(scene *s, bool first)
{
    const float least = first ? 0.025f : 0.021f;
    const int doublings = first ? 4 : 2; /* 0.025 .. 0.40 */
    const float start = least * (float)(1 << random_below(&s->random, (uint64_t)doublings));
    const float share = start * scene_uniform(s, 1, 2);
    return share < 0.33f ? share : 0.33f;
}

void polyps_choose(scene *s)
{
    const float dice = scene_uniform(s, 0, 1);
    const int wanted = dice < 0.10f ? 0 : dice < 0.86f ? 1 : dice < 0.96f ? 2 : POLYPS_MOST;
    for (int tries = 0; s->polyp_count < wanted && tries < 8; tries++) {
        polyp *const p = &s->polyps[s->polyp_count];
        *p = (polyp){.count = 0};
        choose_shape(s, p);
        choose_colour(s, p);
        if (place_polyp(s, p, choose_share(s, s->polyp_count == 0))) s->polyp_count++;
    }
}

/* ---- drawing -------------------------------------------------------------------------------------------- */

/* Pits or stripes: 0 .. 1 where the surface is sunken. */
static float texture_at(const scene *s, const polyp *p, float x, float y)
{
    const float rate = p->pit_rate, bend = noise_at(s, 9.0f * x + p->noise_place, 9.0f * y);
    if (p->striped) {
        const float line = noise_at(s, rate * 0.35f * x + 2.0f * bend, rate * y * 0.8f + 2.0f * bend);
        return ramp(0.32f, 0.0f, fabsf(line));
    }
    /* two turned lattices hide each other's squares */
    const float a =
        noise_at(s, rate * (0.8f * x + 0.6f * y) + 1.5f * bend, rate * (0.8f * y - 0.6f * x) + p->noise_place);
    const float b = noise_at(s, rate * (0.38f * x - 0.92f * y) + 61.0f, rate * (0.92f * x + 0.38f * y) + 1.5f * bend);
    return ramp(0.1f, 0.7f, a + b);
}

static void body_colour(scene *s, const polyp *p, size_t i, float x, float y, float cover)
{
    const float pit = p->pits * texture_at(s, p, x, y);
    const float blotch = noise_two(s, 11.0f * x + p->noise_place, 11.0f * y + 19.0f);
    const float bright = 1.0f + 0.09f * blotch + 0.03f * noise_at(s, 70.0f * x, 70.0f * y) - 0.35f * pit;
    const float flush = 0.16f * ramp(0.1f, 0.8f, blotch) + 0.5f * pit;
    s->red[i] = mix(s->red[i], p->base.red * bright, cover);
    s->green[i] = mix(s->green[i], p->base.green * bright * (1.0f - 0.6f * flush), cover);
    s->blue[i] = mix(s->blue[i], p->base.blue * bright * (1.0f - 0.55f * flush), cover);
    s->surface[i] -= 0.004f * pit;
}

/* Darkness on the wall around it, more on the side away from the lamp. */
static void contact_shadow(scene *s, const polyp *p, size_t i, float x, float y, float outside)
{
    const float cx = x - p->centre.x, cy = y - p->centre.y, lx = x - s->lamp.x, ly = y - s->lamp.y;
    const float norm = sqrtf((cx * cx + cy * cy) * (lx * lx + ly * ly)) + 1e-6f;
    const float away = 0.55f + 0.45f * (cx * lx + cy * ly) / norm;
    s->light[i] *= 1.0f - 0.42f * clamp01(1.4f * p->elevation) * away * fade(9.0f * outside);
}

/* What a polyp stands on: its body hides folds and waves, but not the wall's tilt. */
typedef struct wall_plane {
    float height, light; /* at the polyp's centre */
    float radius;        /* from the lumen to that centre */
} wall_plane;

static float lumen_distance(const scene *s, float x, float y)
{
    const float dx = x - s->tissue.lumen.x, dy = y - s->tissue.lumen.y;
    return sqrtf(dx * dx + dy * dy);
}

static wall_plane wall_under(const scene *s, const polyp *p)
{
    const point at = p->centre;
    return (wall_plane){plane_at(s, s->surface, at.x, at.y), clamp01(1.08f * plane_at(s, s->light, at.x, at.y) + 0.05f),
                        lumen_distance(s, at.x, at.y)};
}

static void polyp_pixel(scene *s, const polyp *p, size_t i, float x, float y, const wall_plane *wall)
{
    const polyp_value v = polyp_at(s, p, x, y);
    if (v.inside >= 1.0f) {
        if (v.inside < 1.6f) contact_shadow(s, p, i, x, y, v.inside - 1.0f);
        return;
    }
    const float within = 1.0f - v.inside;
    const float cover = clamp01(within * p->radius * p->squeeze / (1.5f * s->pixel) + 0.3f);
    const float own = ramp(0.0f, 0.3f, within); /* the wall's relief ends where the body begins */
    const float slope = wall->height - 0.7f * s->tissue.cone * (lumen_distance(s, x, y) - wall->radius);
    const float lumps = 0.05f * p->radius * noise_two(s, 3.0f * x / p->radius + p->noise_place, 3.0f * y / p->radius);
    s->surface[i] = mix(s->surface[i], slope + lumps * (0.3f + p->elevation), own) + v.height;
    s->light[i] = mix(s->light[i], wall->light, 0.8f * cover);
    s->wet[i] *= 0.75f;
    s->mask[i] = 255;
    body_colour(s, p, i, x, y, cover);
}

static void polyp_draw(scene *s, const polyp *p)
{
    const float reach = polyp_reach(p);
    const pixel_box box = scene_box(s, p->centre, reach);
    const wall_plane wall = wall_under(s, p);
    for (int row = box.top; row < box.bottom; row++) {
        for (int column = box.left; column < box.right; column++) {
            polyp_pixel(s, p, (size_t)row * (size_t)s->width + (size_t)column, ((float)column + 0.5f) * s->pixel,
                        ((float)row + 0.5f) * s->pixel, &wall);
        }
    }
}

void polyps_draw(scene *s)
{
    for (int i = 0; i < s->polyp_count; i++) polyp_draw(s, &s->polyps[i]);
}
