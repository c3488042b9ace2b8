/* The text of the built-in recipes (recipes/, built in by tools/embed). */
#ifndef POLYP_LEARN_RECIPES_H
#define POLYP_LEARN_RECIPES_H

#include <stddef.h>

extern const unsigned char recipe_best[], recipe_further[], recipe_paper[], recipe_paper_frozen[], recipe_quick[],
    recipe_wide[];
extern const size_t recipe_best_size, recipe_further_size, recipe_paper_size, recipe_paper_frozen_size,
    recipe_quick_size, recipe_wide_size;

#endif
