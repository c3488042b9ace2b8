/* The recipe of a run: every option as used, those that change the result set apart so that resume can compare them. */
#ifndef POLYP_LEARN_RECIPE_H
#define POLYP_LEARN_RECIPE_H

#include "base/status.h"

/* Options after defaults were put in. Strings are not owned; "" where there is none. */
typedef struct recipe {
    const polyp_train_options *options;
    const char *preset, *engine, *split, *valid; /* as used; split "": every pair */
    int size, threads;
    char encoder_hash[17], init_hash[17]; /* XXH3 of the files */
    char data_hash[17];
    size_t pictures, valid_pictures;
} recipe;

/* What changes the result, as one line of JSON. Error: SIZE when it is longer than `room`. */
status recipe_print(char *out, size_t room, const recipe *r);

/* Refuse to go on from `path` when its recipe differs, naming the first option that does. Errors: MISMATCH, FORMAT. */
status recipe_compare(const char *path, const char *stored, const char *mine);

/* recipe.json: the same with the paths. */
status recipe_write(const char *path, const recipe *r);

/* Training facts of a model after `epoch` (from 1), for its metadata: the recipe and what it reached. No paths. */
status recipe_print_facts(char *out, size_t room, const recipe *r, int epoch, const polyp_evaluation *reached);

#endif
