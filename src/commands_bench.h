/* What loading costs a training step: shared by the files of polyp bench. */
#ifndef POLYP_COMMANDS_BENCH_H
#define POLYP_COMMANDS_BENCH_H

#include "commands.h"
#include "learn/loader.h"
#include "learn/recipe.h"

/* Batches of DATA by a recipe, as training loads them. */
typedef struct bench_feed {
    recipe recipe;
    dataset data;
    loader *loader;
} bench_feed;

/* Opens options->data (its train split where it has one) with the augmentation of options->recipe, at `size`. Leaves the feed
 * empty where there is no data to load. */
status bench_feed_open(bench_feed *out, const bench_options *options, int size);
void bench_feed_close(bench_feed *f);

/* The loader by itself: processor time for a picture that is met for the first time, and for one met again. */
status bench_feed_alone(bench_feed *f, bench_loading *out);

/* The next batch, into the places of the step's inputs. */
status bench_feed_next(bench_feed *f, tensor *input, tensor *masks);

#endif
