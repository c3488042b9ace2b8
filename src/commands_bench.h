/* What the files of polyp bench share: a row of its table, and batches from a data set. */
#ifndef POLYP_COMMANDS_BENCH_H
#define POLYP_COMMANDS_BENCH_H

#include "commands.h"
#include "engine/engine.h"
#include "learn/loader.h"
#include "learn/recipe.h"

enum { BENCH_PROFILED_RUNS = 5 };

/* One size and batch. */
typedef struct bench_row {
    bench_result result;
    double *times;        /* [result.runs], seconds, in the order they were run */
    plan_timing *profile; /* [profile_count], the slowest first, summed over BENCH_PROFILED_RUNS; none unless asked for */
    int profile_count;
} bench_row;
void bench_rows_free(bench_row *rows, size_t count); /* and the rows themselves; takes NULL */

/* Per line: time, its share of the run, speed and share of the machine's (where that was measured), what ran. */
void bench_print_profile(const bench_row *row, FILE *to);

/* The first row's values, and all rows under "rows" where there are several. */
status bench_write_json(const char *path, const bench_row *rows, size_t count);

/* Batches of DATA by a recipe, as training loads them. */
typedef struct bench_feed {
    recipe recipe;
    dataset data;
    loader *loader;
} bench_feed;

/* Opens options->data (its train split where it has one) with the augmentation of options->recipe, at `size`, so many
 * pictures a batch. Leaves the feed empty where there is no data to load. */
status bench_feed_open(bench_feed *out, const bench_options *options, int size, int pictures);
void bench_feed_close(bench_feed *f);

/* The loader by itself: processor time for a picture that is met for the first time, and for one met again. */
status bench_feed_alone(bench_feed *f, bench_loading *out);

/* The next batch, into the places of the step's inputs. */
status bench_feed_next(bench_feed *f, tensor *input, tensor *masks);

#endif
