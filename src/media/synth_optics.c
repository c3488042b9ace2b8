/* Light on the finished surface, what lies on it, blur, and the black parts of an endoscope's frame. */
#include "media/synth_scene.h"

#include <string.h>

/* ---- what lies on the mucosa ---------------------------------------------------------------------------- */

/* A soft swelling without an outline: not a polyp. */
static void bulge(scene *s)
{
    const point at = {s->across * scene_uniform(s, 0, 1), s->down * scene_uniform(s, 0, 1)};
    const float radius = scene_uniform(s, 0.08, 0.25), height = radius * scene_uniform(s, 0.1, 0.35);
    const pixel_box box = scene_box(s, at, 2.0f * radius);
    for (int row = box.top; row < box.bottom; row++) {
        for (int column = box.left; column < box.right; column++) {
            const float dx = ((float)column + 0.5f) * s->pixel - at.x, dy = ((float)row + 0.5f) * s->pixel - at.y;
            const float q = (dx * dx + dy * dy) / (radius * radius);
            if (q < 4.0f) s->surface[(size_t)row * (size_t)s->width + (size_t)column] += height * fade(2.0f * q);
        }
    }
}

/* Stool and mucus: yellow to brown, ragged, matt; it keeps off polyps. */
static void stool(scene *s, point at, float radius, colour tone)
{
    const float place = scene_uniform(s, 0, 100), rate = scene_uniform(s, 5, 16), thick = scene_uniform(s, 0.3, 0.9);
    const pixel_box box = scene_box(s, at, 2.0f * radius);
    for (int row = box.top; row < box.bottom; row++) {
        for (int column = box.left; column < box.right; column++) {
            const float x = ((float)column + 0.5f) * s->pixel, y = ((float)row + 0.5f) * s->pixel;
            const float dx = (x - at.x) / radius, dy = (y - at.y) / radius, q = dx * dx + dy * dy;
            if (q > 4.0f) continue;
            const size_t i = (size_t)row * (size_t)s->width + (size_t)column;
            const float ragged = 1.0f - q + 1.6f * noise_two(s, rate * x + place, rate * y);
            const float cover = ramp(0.0f, 0.5f, ragged) * (s->mask[i] ? 0.15f : thick);
            const float bright = 1.0f + 0.15f * noise_at(s, 40.0f * x, 40.0f * y + place);
            s->red[i] = mix(s->red[i], tone.red * bright, cover);
            s->green[i] = mix(s->green[i], tone.green * bright, cover);
            s->blue[i] = mix(s->blue[i], tone.blue * bright, cover);
            s->surface[i] += 0.012f * cover * (1.0f + noise_at(s, 18.0f * x + place, 18.0f * y));
        }
    }
}

void debris_draw(scene *s)
{
    const int bulges = (int)random_below(&s->random, 4);
    const int patches = scene_chance(s, 0.3) ? 1 + (int)random_below(&s->random, 4) : 0;
    for (int i = 0; i < bulges; i++) bulge(s);
    for (int i = 0; i < patches; i++) {
        const point at = {s->across * scene_uniform(s, 0, 1), s->down * scene_uniform(s, 0, 1)};
        const float dark = scene_uniform(s, 0.55, 1.0);
        stool(s, at, scene_uniform(s, 0.02, 0.12), (colour){0.80f * dark, 0.60f * dark, 0.27f * dark});
    }
}

/* ---- light ---------------------------------------------------------------------------------------------- */

/* Straight at first, then ever slower towards 1: a camera's bright end. */
static float shoulder(float v)
{
    const float bend = 0.68f;
    return v < bend ? v : bend + (1.0f - bend) * (1.0f - 1.0f / (1.0f + (v - bend) / (1.0f - bend)));
}

typedef struct slope {
    float x, y;
} slope;

static slope slope_at(const scene *s, const float *plane, int column, int row)
{
    const size_t width = (size_t)s->width, i = (size_t)row * width + (size_t)column;
    const size_t left = column > 0 ? i - 1 : i, right = column + 1 < s->width ? i + 1 : i;
    const size_t up = row > 0 ? i - width : i, down = row + 1 < s->height ? i + width : i;
    const float scale = 0.5f / s->pixel;
    return (slope){(plane[right] - plane[left]) * scale, (plane[down] - plane[up]) * scale};
}

/* Matt reflection, and wet highlights where the slope mirrors the lamp into the camera. */
static void light_pixel(scene *s, int column, int row)
{
    const size_t i = (size_t)row * (size_t)s->width + (size_t)column;
    const slope g = slope_at(s, s->surface, column, row), w = slope_at(s, s->wet, column, row);
    const float ax = 0.9f * (s->lamp.x - ((float)column + 0.5f) * s->pixel);
    const float ay = 0.9f * (s->lamp.y - ((float)row + 0.5f) * s->pixel);
    const float facing =
        (1.0f - g.x * ax - g.y * ay) / sqrtf((1.0f + g.x * g.x + g.y * g.y) * (1.0f + ax * ax + ay * ay));
    const float matt = s->light[i] * s->exposure * (0.44f + 0.56f * (facing > 0.0f ? facing : 0.0f));
    const float mx = g.x + w.x + 0.5f * ax, my = g.y + w.y + 0.5f * ay, off = mx * mx + my * my;
    const float wet = s->light[i] * (1.5f * fade(off * 110.0f) + 0.10f * fade(off * 9.0f));
    s->red[i] = shoulder(s->red[i] * matt + wet);
    s->green[i] = shoulder(s->green[i] * matt + wet);
    s->blue[i] = shoulder(s->blue[i] * matt + 0.97f * wet);
}

void light_draw(scene *s)
{
    for (int row = 0; row < s->height; row++) {
        for (int column = 0; column < s->width; column++) light_pixel(s, column, row);
    }
}

/* A thin bright ring with a small highlight. */
static void bubble(scene *s, point at, float radius)
{
    const pixel_box box = scene_box(s, at, 1.3f * radius + 2.0f * s->pixel);
    for (int row = box.top; row < box.bottom; row++) {
        for (int column = box.left; column < box.right; column++) {
            const float dx = ((float)column + 0.5f) * s->pixel - at.x, dy = ((float)row + 0.5f) * s->pixel - at.y;
            const size_t i = (size_t)row * (size_t)s->width + (size_t)column;
            const float d = sqrtf(dx * dx + dy * dy), edge = (d - radius) / (0.14f * radius + 0.8f * s->pixel);
            const float hx = dx + 0.35f * radius, hy = dy + 0.4f * radius;
            const float gloss = 0.8f * fade((hx * hx + hy * hy) / (0.03f * radius * radius + s->pixel * s->pixel));
            const float ring = 0.32f * fade(edge * edge) - (d < radius ? 0.04f : 0.0f);
            s->red[i] = clamp01(s->red[i] + ring + gloss);
            s->green[i] = clamp01(s->green[i] + ring + gloss);
            s->blue[i] = clamp01(s->blue[i] + 0.9f * ring + gloss);
        }
    }
}

void bubbles_draw(scene *s)
{
    if (!scene_chance(s, 0.22)) return;
    const point middle = {s->across * scene_uniform(s, 0.1, 0.9), s->down * scene_uniform(s, 0.1, 0.9)};
    const int count = 4 + (int)random_below(&s->random, 18);
    for (int i = 0; i < count; i++) {
        const point at = {middle.x + scene_uniform(s, -0.16, 0.16), middle.y + scene_uniform(s, -0.16, 0.16)};
        bubble(s, at, scene_uniform(s, 0.005, 0.022));
    }
}

/* ---- blur ----------------------------------------------------------------------------------------------- */

/* 1 2 1 along a line of `count` values that lie `stride` apart */
static void blur_line(float *line, size_t count, size_t stride)
{
    float before = line[0];
    for (size_t i = 0; i < count; i++) {
        const float here = line[i * stride], after = i + 1 < count ? line[(i + 1) * stride] : here;
        line[i * stride] = 0.25f * (before + 2.0f * here + after);
        before = here;
    }
}

/* The same down all columns at once, row by row: `above` holds the row before as it was. */
static void blur_down(const scene *s, float *plane, float *above)
{
    const size_t width = (size_t)s->width;
    memcpy(above, plane, width * sizeof *above);
    for (int row = 0; row < s->height; row++) {
        float *const line = plane + (size_t)row * width;
        const float *const below = row + 1 < s->height ? line + width : line;
        for (size_t x = 0; x < width; x++) {
            const float here = line[x];
            line[x] = 0.25f * (above[x] + 2.0f * here + below[x]);
            above[x] = here;
        }
    }
}

static void blur_plane(const scene *s, float *plane, int across, int down)
{
    for (int pass = 0; pass < across; pass++) {
        for (int row = 0; row < s->height; row++)
            blur_line(plane + (size_t)row * (size_t)s->width, (size_t)s->width, 1);
    }
    for (int pass = 0; pass < down; pass++) blur_down(s, plane, s->wet); /* the wet plane has served */
}

/* Mostly sharp; sometimes out of focus, sometimes moved across or down. */
void optics_draw(scene *s)
{
    int across = 1, down = 1;
    if (scene_chance(s, 0.35)) across = down = 2 + (int)random_below(&s->random, 3);
    if (scene_chance(s, 0.08)) across = down = 7;
    if (scene_chance(s, 0.12)) *(scene_chance(s, 0.5) ? &across : &down) += 5 + (int)random_below(&s->random, 10);
    blur_plane(s, s->red, across, down);
    blur_plane(s, s->green, across, down);
    blur_plane(s, s->blue, across, down);
}

/* ---- border --------------------------------------------------------------------------------------------- */

/* Distance to the black part; negative: in it. */
static float border_distance(const scene *s, float x, float y)
{
    const border *const b = &s->border;
    const float ex = fminf(x, s->across - x), ey = fminf(y, s->down - y);
    float distance = 1.0f;
    if (b->kind == BORDER_OCTAGON) distance = 0.70710678f * (ex + ey - b->cut);
    if (b->kind == BORDER_CIRCLE || b->kind == BORDER_ROUNDED) {
        const float dx = x - 0.5f * s->across, dy = y - 0.5f * s->down;
        if (b->kind == BORDER_CIRCLE) distance = b->cut - sqrtf(dx * dx + dy * dy);
        const float cx = b->cut - ex, cy = b->cut - ey;
        if (b->kind == BORDER_ROUNDED && cx > 0.0f && cy > 0.0f) distance = b->cut - sqrtf(cx * cx + cy * cy);
    }
    if (b->box_width > 0.0f) distance = fminf(distance, fmaxf(x - b->box_width, s->down - b->box_height - y));
    return distance;
}

bool border_covers(const scene *s, float x, float y)
{
    return border_distance(s, x, y) < 0.0f;
}

/* Rows of small bright signs, as a processor writes the date into the frame. */
static void caption(scene *s)
{
    const int rows = 1 + (int)random_below(&s->random, 5), length = 4 + (int)random_below(&s->random, 8);
    const int size = s->height / 240 + 1, left = s->width / 100 + 1;
    const int top = (int)(scene_uniform(s, 0.05, 0.4) * (float)s->height);
    for (int i = 0; i < rows * length * 15; i++) {
        const int sign = i / 15, cell = i % 15;
        const int x0 = left + (sign % length) * 4 * size + (cell % 3) * size,
                  y0 = top + (sign / length) * 7 * size + (cell / 3) * size;
        if (random_below(&s->random, 2) || x0 + size > s->width || y0 + size > s->height) continue;
        for (int p = 0; p < size * size; p++) {
            const size_t at = (size_t)(y0 + p / size) * (size_t)s->width + (size_t)(x0 + p % size);
            s->red[at] = s->green[at] = s->blue[at] = 0.80f;
        }
    }
}

void border_draw(scene *s)
{
    size_t i = 0;
    for (int row = 0; row < s->height; row++) {
        for (int column = 0; column < s->width; column++, i++) {
            const float distance =
                border_distance(s, ((float)column + 0.5f) * s->pixel, ((float)row + 0.5f) * s->pixel);
            const float open = clamp01(0.5f + distance / (1.5f * s->pixel));
            if (open >= 1.0f) continue;
            if (distance < 0.0f) s->mask[i] = 0;
            s->red[i] = mix(0.012f, s->red[i], open);
            s->green[i] = mix(0.012f, s->green[i], open);
            s->blue[i] = mix(0.014f, s->blue[i], open);
        }
    }
    if (scene_chance(s, 0.3)) caption(s);
}
