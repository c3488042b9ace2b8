/*
 * A frame while it is drawn. Planes of the frame's size are filled one stage after another: surface and colour of the
 * mucosa, polyps, what lies on it, light, optics. Lengths are in units of the frame's shorter side, so that a scene
 * does not depend on the resolution; gradients are therefore plain slopes.
 *
 * No function of libm but the square root is used: its roundings differ between processors, and frames must not.
 */
#ifndef POLYP_MEDIA_SYNTH_SCENE_H
#define POLYP_MEDIA_SYNTH_SCENE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/random.h"
#include "base/status.h"

enum {
    NOISE_SIDE = 128, /* of the lattice; a power of two */
    POLYPS_MOST = 3,
    BALLS_MOST = 16
};

typedef struct colour {
    float red, green, blue;
} colour;

typedef struct point {
    float x, y;
} point;

/* The gut around the camera. */
typedef struct tissue {
    point lumen;        /* where it goes on; often outside the frame */
    float lumen_radius; /* dark inside */
    float fold_rate, fold_wobble, fold_depth;
    float cone;          /* slope of the wall towards the lumen */
    float bump, wetness; /* heights of broad and of fine waves */
    colour base;
    float mottling, redness; /* of the mucosa's colour */
    float vessels;           /* 0 none .. 1 */
} tissue;

/* A fold that stands before everything else: the inside of a large wavy circle. radius 0: none. */
typedef struct front_fold {
    point centre;
    float radius, wave;
} front_fold;

enum border_kind { BORDER_NONE, BORDER_OCTAGON, BORDER_CIRCLE, BORDER_ROUNDED };

/* What the endoscope's processor leaves black. */
typedef struct border {
    enum border_kind kind;
    float cut;                   /* corner's size, or the circle's radius */
    float box_width, box_height; /* black box in the lower left corner; 0: none */
} border;

typedef struct ball {
    point centre;
    float radius;
    float height; /* of its centre above the wall */
} ball;

/* A polyp is a union of balls, squeezed and turned, with a wavy outline. */
typedef struct polyp {
    ball balls[BALLS_MOST];
    int count;
    point centre, axis;    /* axis: unit vector of the long side */
    float radius, squeeze; /* squeeze: short side over long side */
    float elevation;       /* height over radius */
    float softness;        /* 0.5: half a sphere; more: fades into the wall */
    float melt;            /* how far neighbouring balls run into each other */
    float wave, wave_rate; /* of the outline */
    colour base;
    float pits, pit_rate; /* texture: depth and how fine */
    bool striped;         /* villous instead of pits */
    float noise_place;    /* where in the lattice its own waves lie */
} polyp;

typedef struct scene {
    int width, height;
    float pixel;        /* length of a pixel */
    float across, down; /* the frame's sides */
    random_stream random;
    float *lattice;            /* [NOISE_SIDE * NOISE_SIDE], -1 .. 1 */
    float *surface;            /* height of the surface */
    float *wet;                /* height of fine waves that only highlights see */
    float *light;              /* light that reaches the surface */
    float *vessel;             /* 0 .. 1 */
    float *red, *green, *blue; /* reflected part; after the light stage: what is seen */
    unsigned char *mask;       /* 255 where a polyp is seen */
    tissue tissue;
    front_fold fold;
    border border;
    point lamp;
    float exposure;
    polyp polyps[POLYPS_MOST];
    int polyp_count;
} scene;

/* ---- stages, in this order ------------------------------------------------------------------------------ */

void tissue_choose(scene *s);
void tissue_draw(scene *s); /* surface, wet, light, colours */
void vessels_draw(scene *s);
void polyps_choose(scene *s); /* after tissue, fold and border: they decide what can be seen */
void polyps_draw(scene *s);
void fold_draw(scene *s);   /* the front fold covers polyps */
void debris_draw(scene *s); /* stool and reddened patches */
void light_draw(scene *s);  /* surface and colours become what is seen */
void bubbles_draw(scene *s);
void optics_draw(scene *s); /* blur */
void border_draw(scene *s); /* black parts, caption */

/* Does the border leave a place black? */
bool border_covers(const scene *s, float x, float y);
/* How far inside the front fold a place lies; negative: outside. */
float fold_inside(const scene *s, float x, float y);

/* The pixels of a square around a place, cut at the frame. */
typedef struct pixel_box {
    int left, right, top, bottom; /* right and bottom are past the end */
} pixel_box;
pixel_box scene_box(const scene *s, point centre, float reach);

/* ---- numbers -------------------------------------------------------------------------------------------- */

static inline float scene_uniform(scene *s, double low, double high)
{
    return (float)random_uniform(&s->random, low, high);
}

static inline bool scene_chance(scene *s, double probability)
{
    return random_uniform(&s->random, 0, 1) < probability;
}

/* A direction, without sine and cosine: a point of the square until it lies in the ring. */
static inline point scene_direction(scene *s)
{
    for (;;) {
        const float x = scene_uniform(s, -1, 1), y = scene_uniform(s, -1, 1), d = x * x + y * y;
        if (d > 0.05f && d <= 1.0f) return (point){x / sqrtf(d), y / sqrtf(d)};
    }
}

static inline float clamp01(float v)
{
    return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
}

static inline float mix(float a, float b, float share)
{
    return a + (b - a) * share;
}

/* 0 below `low`, 1 above `high`, smooth between */
static inline float ramp(float low, float high, float v)
{
    const float t = clamp01((v - low) / (high - low));
    return t * t * (3.0f - 2.0f * t);
}

/* Like exp(-q) for q >= 0 */
static inline float fade(float q)
{
    const float d = 1.0f + 0.25f * q * (1.0f + 0.125f * q);
    return 1.0f / (d * d * d * d);
}

/* floor() of numbers above -4096 */
static inline int floor_int(float v)
{
    return (int)(v + 4096.0f) - 4096;
}

/* Smooth noise in -1 .. 1: one wave a unit. */
static inline float noise_at(const scene *s, float x, float y)
{
    const int column = floor_int(x), row = floor_int(y);
    const float fx = x - (float)column, fy = y - (float)row;
    const float sx = fx * fx * (3.0f - 2.0f * fx), sy = fy * fy * (3.0f - 2.0f * fy);
    const int x0 = column & (NOISE_SIDE - 1), x1 = (column + 1) & (NOISE_SIDE - 1);
    const float *const top = s->lattice + (row & (NOISE_SIDE - 1)) * NOISE_SIDE;
    const float *const bottom = s->lattice + ((row + 1) & (NOISE_SIDE - 1)) * NOISE_SIDE;
    return mix(mix(top[x0], top[x1], sx), mix(bottom[x0], bottom[x1], sx), sy);
}

/* Two waves, the second half as high and twice as fine */
static inline float noise_two(const scene *s, float x, float y)
{
    return (noise_at(s, x, y) + 0.5f * noise_at(s, 2.03f * x + 17.0f, 2.03f * y + 31.0f)) * (1.0f / 1.5f);
}

#endif
