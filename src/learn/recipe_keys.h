/* The keys of a recipe, bound to the values of one. */
#ifndef POLYP_LEARN_RECIPE_KEYS_H
#define POLYP_LEARN_RECIPE_KEYS_H

#include "learn/recipe.h"

enum recipe_kind {
    RECIPE_INTEGER, /* int, low .. high, a multiple of step */
    RECIPE_REAL,    /* double, low .. high */
    RECIPE_SWITCH,  /* bool */
    RECIPE_CHOICE,  /* int: which of `choices` */
    RECIPE_TEXT,    /* char[step] */
    RECIPE_RANGE    /* double[2], both in low .. high, the second not below the first */
};

typedef struct recipe_key {
    char name[64]; /* "augment.rotate.degrees" */
    enum recipe_kind kind;
    void *value;
    double low, high;
    int step;
    const char *choices; /* "best|last" */
    const char *help;
} recipe_key;

enum { RECIPE_KEYS = 224 };

typedef struct recipe_keys {
    recipe_key rows[RECIPE_KEYS]; /* in the order they are printed in */
    int count;
} recipe_keys;

/* Keys of *r, which must stay where it is. */
void recipe_keys_bind(recipe_keys *out, recipe *r);

const recipe_key *recipe_keys_find(const recipe_keys *keys, const char *name);

/* The key whose name takes the fewest edits. */
const recipe_key *recipe_keys_nearest(const recipe_keys *keys, const char *name);

/* The same for a section such as "optimiser" or "augment.rotate": its name, without a dot at the end. */
void recipe_keys_nearest_section(const recipe_keys *keys, const char *name, char out[64]);

/* "a number from 0 to 1": what a key takes, in words. */
void recipe_key_accepts(const recipe_key *key, char *out, size_t size);

#endif
