/*
 * A recipe: everything that decides how a network is trained, apart from the data, the seed and the machine. It is JSON
 * (recipes/, docs/training.md); every value has a key such as "optimiser.rate", and one list of keys serves reading,
 * checking, printing and the help.
 */
#ifndef POLYP_LEARN_RECIPE_H
#define POLYP_LEARN_RECIPE_H

#include <stdbool.h>

#include "learn/phases.h"
#include "media/augment.h"
#include "net/loss.h"

enum { RECIPE_NAME = 40, RECIPE_ABOUT = 320 };

enum recipe_keep { KEEP_BEST, KEEP_LAST };
enum recipe_freeze { FREEZE_NOTHING, FREEZE_BODY, FREEZE_FIRST };

typedef struct recipe {
    char name[RECIPE_NAME]; /* of the built-in recipe or file that it came from */
    char about[RECIPE_ABOUT];

    char preset[24]; /* network.preset */
    int size;        /* pictures are size x size to the network */
    bool auxiliary;  /* heads at 1/4 and 1/8 while training */
    double auxiliary_weight;

    int epochs, batch;
    int accumulate; /* batches a step */
    enum recipe_keep keep;
    int patience; /* epochs without a better validation until it stops; 0: never */

    double small_share, small_weight; /* pictures whose polyp covers less than this share count this much */
    int ignore_level;                 /* grey level of ignored pixels in masks; -1: none */

    double rate; /* at the schedule's peak, of a group with factor 1 */
    double factors[PARAM_GROUPS];
    double weight_decay, beta1, beta2, epsilon;
    double clip;         /* largest norm of a step's gradient; 0: any */
    double average;      /* share of the run that the weights' moving average reaches back over; 0: no average */
    int average_batches; /* from which batch norm's statistics are found again for it */

    schedule_spec schedule;
    enum recipe_freeze freeze;
    int freeze_epochs; /* FREEZE_FIRST: before everything is trained, as fastai's fine_tune */

    loss_spec loss;
    augment_recipe augment;
} recipe;

/* What a recipe has where its file says nothing. */
recipe recipe_defaults(void);

/*
 * Read a built-in recipe by name, or a file of JSON. "based_on" names the recipe it starts from. A wrong key is refused
 * with the nearest right one, a wrong value with what is accepted. Errors: FILE, FORMAT, ARGUMENT.
 */
status recipe_read(recipe *out, const char *name_or_path);

/* The same from text; `origin` stands in messages. *r is what keys that are not named keep; untouched on failure. */
status recipe_parse(recipe *r, const char *text, const char *origin);

/* "optimiser.rate=0.001": the value as JSON, or plain text. Errors: ARGUMENT. */
status recipe_set(recipe *r, const char *assignment);

/* The phases of a whole run. */
phase_list recipe_phases(const recipe *r);

/* Values that are right by themselves but not together. Error: ARGUMENT. */
status recipe_check(const recipe *r);

/* Names of the built-in recipes, ended by NULL, and their text; NULL for a name that is none. */
const char *const *recipe_names(void);
const char *recipe_text(const char *name);

#endif
