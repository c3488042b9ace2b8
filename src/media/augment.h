/*
 * Augmentation: what may be done to a training picture and its mask, as data; the draws; the work.
 *
 * Two pipelines share the table. AUGMENT_FASTAI is fastai 2's aug_transforms on a picture already squished to the network's
 * size: one homography, one bilinear resampling, lighting in logit space. AUGMENT_ONCE resamples the decoded picture once,
 * antialiased, from its native aspect, and knows every entry.
 */
#ifndef POLYP_MEDIA_AUGMENT_H
#define POLYP_MEDIA_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "media/colour.h"

/* ---- what there is ---------------------------------------------------------------------------------- */

/* Levels of a mask. An ignored pixel is neither right nor wrong: no loss looks at it. */
enum { MASK_BACKGROUND = 0, MASK_IGNORED = 128, MASK_POLYP = 255 };

/* In the order of application. Draws depend on these numbers: append, never renumber. */
enum augment_kind {
    AUGMENT_FLIP,
    AUGMENT_FLIP_VERTICAL,
    AUGMENT_DIHEDRAL,
    AUGMENT_ROTATE,
    AUGMENT_ZOOM,
    AUGMENT_SCALE,
    AUGMENT_ASPECT,
    AUGMENT_SHIFT,
    AUGMENT_WARP,
    AUGMENT_ELASTIC,
    AUGMENT_COLOURS_OF_ANOTHER,
    AUGMENT_BRIGHTNESS,
    AUGMENT_CONTRAST,
    AUGMENT_SATURATION,
    AUGMENT_HUE,
    AUGMENT_GAINS,
    AUGMENT_BLUR,
    AUGMENT_NOISE,
    AUGMENT_BORDER,
    AUGMENT_INSET,
    AUGMENT_DOWN_AND_UP,
    AUGMENT_JPEG,
    AUGMENT_CUTOUT,
    AUGMENT_KINDS
};

enum { AUGMENT_RANGES = 4 }; /* a kind has so many ranges at most */

/* One number that a kind draws. */
typedef struct augment_range {
    const char *name; /* "degrees"; NULL: the kind has no such range */
    double low, high; /* where it is drawn from unless a recipe says otherwise */
    double least, most;
    double neutral;    /* changes nothing */
    bool by_ratio;     /* the logarithm is even, not the number: half as often as double */
    const char *means; /* for help and documentation */
} augment_range;

typedef struct augment_kind_row {
    const char *name; /* "rotate": the key in a recipe */
    const char *does;
    bool coin_each; /* every range has its own coin (fastai's warp), not one for the kind */
    bool once_only; /* not in AUGMENT_FASTAI */
    augment_range ranges[AUGMENT_RANGES];
} augment_kind_row;

extern const augment_kind_row augment_kinds[AUGMENT_KINDS];

/* ---- what a recipe asks for ------------------------------------------------------------------------- */

enum augment_pipeline { AUGMENT_FASTAI, AUGMENT_ONCE, AUGMENT_PIPELINES };

/*
 * What lies outside the picture: the picture mirrored at its edge, or black. Either: black for every other picture, and for
 * those where a mirror would show: they have black corners already, or are seen so small (a scale under 2/3) that much of
 * them would come twice.
 */
enum augment_fill { AUGMENT_FILL_REFLECT, AUGMENT_FILL_BLACK, AUGMENT_FILL_EITHER, AUGMENT_FILLS };

typedef struct augment_entry {
    double probability;              /* 0: off */
    double range[AUGMENT_RANGES][2]; /* low, high; low == high: always that */
} augment_entry;

typedef struct augment_recipe {
    enum augment_pipeline pipeline;
    enum augment_fill fill;
    augment_entry entries[AUGMENT_KINDS]; /* all of them: those that are off too hold ranges within their limits */
} augment_recipe;

/* The pictures squished and nothing else: every probability 0, every range the table's. */
augment_recipe augment_recipe_none(void);

/* Probabilities in 0..1, ranges in order and within the table's limits, no entry that the pipeline lacks. Error: ARGUMENT,
 * naming the entry: "augment: rotate: degrees 10 to -10: the first must not be above the second". */
status augment_check(const augment_recipe *recipe);

/* ---- what one picture gets -------------------------------------------------------------------------- */

typedef struct augment_draw {
    bool on;
    double value[AUGMENT_RANGES]; /* of the ranges, in the table's order; neutral when off */
    double pick;                  /* even in 0..1: which of several */
    uint64_t seed;                /* of noise, holes, displacements */
} augment_draw;

typedef struct augment_draws {
    enum augment_fill fill; /* EITHER: mirrored unless that would show */
    augment_draw of[AUGMENT_KINDS];
} augment_draws;

/*
 * Pure function of its arguments, from the stream (seed, RANDOM_AUGMENT, epoch, sample). A kind always uses the same draws of
 * it, so that switching one kind on or off changes no other. `sample`: index of the picture, with the count of its earlier
 * visits in this epoch in the upper half.
 */
void augment_draw_all(augment_draws *out, const augment_recipe *recipe, uint64_t seed, uint64_t epoch, uint64_t sample);

/* ---- the work --------------------------------------------------------------------------------------- */

/* Scratch for one picture at a time, of the network's size. Not for two threads at once. */
typedef struct augment_room augment_room;

status augment_room_create(augment_room **out, int size);
void augment_room_destroy(augment_room *room); /* takes NULL */

typedef struct augment_source {
    const polyp_image *picture;   /* RGB. AUGMENT_FASTAI: size x size already; AUGMENT_ONCE: any */
    const polyp_image *mask;      /* of the same size, 1 channel, levels MASK_BACKGROUND, MASK_IGNORED, MASK_POLYP */
    colour_statistics own, other; /* read only when AUGMENT_COLOURS_OF_ANOTHER is on */
} augment_source;

/*
 * levels: (3, size, size), R G B, 0..255 and not rounded: what lies between two levels still counts when contrast is raised.
 * mask: (size, size), the same levels as the source's, by the nearest pixel. Under a frame or an inset lies background.
 * Errors: MEMORY, ARGUMENT (a source that is not size x size for AUGMENT_FASTAI).
 */
status augment_apply(float *levels, unsigned char *mask, augment_room *room, const augment_draws *draws,
                     enum augment_pipeline pipeline, const augment_source *source);

#endif
