/* The pictures that a network got most wrong, as a contact sheet with truth and prediction outlined. */
#ifndef POLYP_LEARN_WORST_SHEET_H
#define POLYP_LEARN_WORST_SHEET_H

#include "learn/evaluate.h"

enum { WORST_SHEET_PICTURES = 24, WORST_SHEET_COLUMNS = 6, WORST_SHEET_TILE = 192 };

/* The `most` worst of count rows into index[most], the worst first; *found: how many there are. By Jaccard; of pictures without a
 * polyp a false alarm counts as 0, none as 1; among equals the one with more wrong pixels for its size first, then the
 * earlier one. Error: MEMORY. */
status worst_find(size_t *index, size_t *found, size_t most, const evaluate_row *rows, size_t count);

/*
 * A sheet of the WORST_SHEET_PICTURES worst: `rows` are evaluate_pictures()'s of `data`, and `predictor` still holds the
 * weights that made them: only the pictures shown are predicted again. `title` is continued with how many of how many are
 * seen. Errors: UNSUPPORTED (built without Cairo), those of reading and predicting, MEMORY.
 */
status worst_sheet_draw(polyp_image *out, const char *title, polyp_predictor *predictor, const dataset *data,
                        const evaluate_row *rows);

#endif
