/* Draws by hand, and small pictures, for the tests of augmentation. */
#ifndef POLYP_TESTS_AUGMENT_HELP_H
#define POLYP_TESTS_AUGMENT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <math.h>

#include "base/random.h"
#include "media/augment_impl.h"
#include "media_help.h"

#define assert_ok(expression)                                                         \
    do {                                                                              \
        const status ok_ = (expression);                                              \
        if (ok_ != POLYP_OK) fail_msg("%s: %d: %s", #expression, ok_, polyp_error()); \
    } while (0)

static inline augment_draws nothing(void)
{
    const augment_recipe none = augment_recipe_none();
    augment_draws d;
    augment_draw_all(&d, &none, 0, 0, 0);
    return d;
}

static inline augment_draw *turn_on(augment_draws *d, enum augment_kind kind)
{
    d->of[kind].on = true;
    return &d->of[kind];
}

/* Turn a kind on with its first two values. */
static inline void turn_on_with(augment_draws *d, enum augment_kind kind, double first, double second)
{
    augment_draw *const draw = turn_on(d, kind);
    draw->value[0] = first;
    draw->value[1] = second;
}

/* A disc of level 255 on 0, and its mask. */
static inline void draw_disc(polyp_image *picture, polyp_image *mask, int width, int height, double x, double y,
                             double radius)
{
    assert_ok(image_create(picture, width, height, 3));
    assert_ok(image_create(mask, width, height, 1));
    for (int i = 0; i < width * height; i++) {
        const bool inside = hypot(i % width + 0.5 - x, i / width + 0.5 - y) < radius;
        memset(picture->pixels + 3 * i, inside ? 255 : 0, 3);
        mask->pixels[i] = inside ? MASK_POLYP : MASK_BACKGROUND;
    }
}

/* What one picture becomes. */
typedef struct outcome {
    int size;
    float *levels;       /* (3, size, size) */
    unsigned char *mask; /* (size, size) */
} outcome;

static inline outcome apply_to(const augment_source *source, int size, const augment_draws *d,
                               enum augment_pipeline pipeline)
{
    const size_t plane = (size_t)size * (size_t)size;
    const outcome o = {size, memory_allocate(3 * plane, sizeof(float)), memory_allocate(plane, 1)};
    augment_room *room;
    assert_ok(augment_room_create(&room, size));
    assert_ok(augment_apply(o.levels, o.mask, room, d, pipeline, source));
    augment_room_destroy(room);
    return o;
}

static inline void free_outcome(outcome *o)
{
    memory_free(o->levels);
    memory_free(o->mask);
}

#endif
