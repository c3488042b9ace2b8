/* One DATA with every pair of it, before splits and other data sets come in. */
#ifndef POLYP_LEARN_PARTS_H
#define POLYP_LEARN_PARTS_H

#include "learn/dataset.h"

typedef struct data_part {
    sample *samples; /* sorted by stem; part_free() them, their strings are the arena's */
    size_t count;
    const char *home; /* folder that may hold splits/ and groups.csv */
} data_part;

/* Errors: those of dataset_open() but for splits. Groups are numbered from *next_group on. */
status part_open(data_part *out, arena *a, const char *data, int *next_group);
void part_free(data_part *p);

/* The pictures of folder `images`, each with the mask of the same stem in folder `masks`; pictures that the file
 * `negatives` names (passed over when it is not there) may lack one. `data` stands in messages. */
status pairs_read(data_part *p, arena *a, const char *data, const char *images, const char *masks,
                  const char *negatives);

/* Short names of DATA for stems: the last part of each path without its ending, numbered where two are equal. */
status parts_name(const char **names, const char *const *paths, size_t count, arena *a);

/* Stems that several parts have get their part's name before them: "NAME-STEM". names[count]. Errors: MISMATCH (even so
 * two are equal), MEMORY. */
status parts_tell_apart(data_part *parts, size_t count, const char *const *names, arena *a);

#endif
