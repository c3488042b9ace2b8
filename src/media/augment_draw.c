/* The draws of one picture: each kind has its own fixed places in the picture's stream. */
#include <math.h>

#include "base/random.h"
#include "media/augment.h"

static double draw_value(random_stream *r, const augment_range *range, const double between[2])
{
    const double low = between[0], high = between[1];
    if (!range->by_ratio) return random_uniform(r, low, high);
    return exp(random_uniform(r, log(low), log(high)));
}

/* Takes the same number of draws whatever the entry says. */
static augment_draw draw_kind(random_stream *r, const augment_kind_row *row, const augment_entry *entry)
{
    augment_draw draw = {.on = false};
    const bool kind_is_on = random_uniform(r, 0, 1) < entry->probability;
    for (int i = 0; i < AUGMENT_RANGES; i++) {
        const double coin = random_uniform(r, 0, 1);
        const bool on = row->coin_each ? coin < entry->probability : kind_is_on;
        const double value = draw_value(r, &row->ranges[i], entry->range[i]);
        draw.value[i] = on ? value : row->ranges[i].neutral;
        draw.on |= on && (row->ranges[i].name || !row->coin_each);
    }
    draw.pick = random_uniform(r, 0, 1);
    draw.seed = random_next(r);
    return draw;
}

void augment_draw_all(augment_draws *out, const augment_recipe *recipe, uint64_t seed, uint64_t epoch, uint64_t sample)
{
    random_stream r = random_open(seed, RANDOM_AUGMENT, epoch, sample);
    const bool black = random_below(&r, 2) == 1;
    out->fill = recipe->fill == AUGMENT_FILL_EITHER && black ? AUGMENT_FILL_BLACK : recipe->fill;
    for (int kind = 0; kind < AUGMENT_KINDS; kind++)
        out->of[kind] = draw_kind(&r, &augment_kinds[kind], &recipe->entries[kind]);
}
