/* Recipes as JSON, for the files that write and compare them. */
#ifndef POLYP_LEARN_RECIPE_JSON_H
#define POLYP_LEARN_RECIPE_JSON_H

#include <jansson.h>

#include "learn/recipe.h"

/* Every key of *r as nested objects, in the order of the keys; the caller's to json_decref(). NULL: no memory. */
json_t *recipe_to_json(const recipe *r);

/* 15 digits: every decimal that a user types comes back as typed. */
#define RECIPE_JSON_FLAGS JSON_REAL_PRECISION(15)

#endif
