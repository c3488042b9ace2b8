/* Runs side by side: one column of their histories in one figure and one table. */
#ifndef POLYP_LEARN_COMPARE_H
#define POLYP_LEARN_COMPARE_H

#include <stdio.h>

#include "learn/history.h"

typedef struct compared_run {
    char *name; /* the folder's last part, or the whole path where two runs share that */
    history history;
} compared_run;

typedef struct comparison {
    compared_run *runs; /* [count] */
    size_t count;
    enum history_column column;
    double reach; /* a value to be reached; NaN: none */
} comparison;

/* Each path is a run's folder or a history.csv. `column` as the file names it, "valid_jaccard". Free with comparison_free(),
 * after a failure, too. Errors: ARGUMENT (a column that is none, with those that are), those of history_open(). */
status comparison_open(comparison *out, const char *const *paths, size_t count, const char *column, double reach);
void comparison_free(comparison *c);

/* The column against the epoch, one line a run, and a guide at `reach`: SVG, or PNG by the path's ending. */
status comparison_draw(const char *path, const comparison *c);

/* One line a run: epochs, best value and its epoch, the first epoch that reached `reach` (- for never). Of losses the lowest
 * is the best, and reached is what is not above. */
void comparison_print(const comparison *c, FILE *to);

/* Epochs, from 1; 0: there is none. */
int comparison_best(const comparison *c, size_t run);
int comparison_reached(const comparison *c, size_t run);

#endif
