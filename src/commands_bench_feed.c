/* polyp bench --train --data: batches of a data set, and what they cost. */
#include "commands_bench.h"

#include <string.h>

/* Enough pictures of all sizes, few enough that a slow disk does not take minutes. */
enum { PICTURES_ALONE = 320 };

static status choose_recipe(bench_feed *f, const bench_options *options)
{
    TRY(recipe_read(&f->recipe, options->recipe ? options->recipe : "best"));
    for (size_t i = 0; i < options->setting_count; i++) TRY(recipe_set(&f->recipe, options->settings[i]));
    return recipe_check(&f->recipe);
}

status bench_feed_open(bench_feed *out, const bench_options *options, int size, int pictures)
{
    if (!options->data) return POLYP_OK;
    TRY(choose_recipe(out, options));
    TRY(dataset_open(&out->data, options->data, dataset_has_split(options->data, "train") ? "train" : NULL));
    const loader_options batches = {.size = size, .batch = pictures, .seed = 1, .augment = &out->recipe.augment};
    return loader_open(&out->loader, &out->data, &batches);
}

void bench_feed_close(bench_feed *f)
{
    loader_close(f->loader);
    dataset_free(&f->data);
}

static double ms_a_picture(loader_cost before, loader_cost after)
{
    return 1e3 * (after.seconds - before.seconds) / (double)(after.pictures - before.pictures);
}

static status take(loader *l, size_t batches)
{
    batch b;
    for (size_t i = 0; i < batches; i++) TRY(loader_next(l, &b));
    return POLYP_OK;
}

/* Without shuffling the second epoch has the same pictures, drawn anew. What is loaded afterwards was not met before, as far
 * as there are more pictures. */
status bench_feed_alone(bench_feed *f, bench_loading *out)
{
    const size_t all = loader_batches(f->loader), wanted = all * PICTURES_ALONE / f->data.count;
    const size_t batches = wanted < 1 ? 1 : wanted < all ? wanted : all;
    TRY(take(f->loader, batches));
    const loader_cost first = loader_spent(f->loader);
    loader_seek(f->loader, 1, 0);
    TRY(take(f->loader, batches));
    out->first_ms = ms_a_picture((loader_cost){0, 0}, first);
    out->again_ms = ms_a_picture(first, loader_spent(f->loader));
    loader_seek(f->loader, 0, batches % all);
    return POLYP_OK;
}

status bench_feed_next(bench_feed *f, tensor *input, tensor *masks)
{
    batch b;
    TRY(loader_next(f->loader, &b));
    memcpy(input->data, b.images.data, shape_count(input->shape) * sizeof *input->data);
    memcpy(masks->data, b.masks.data, shape_count(masks->shape) * sizeof *masks->data);
    return POLYP_OK;
}
