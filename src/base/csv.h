/* Tables of text (CSV, RFC 4180) with a line of column names. */
#ifndef POLYP_BASE_CSV_H
#define POLYP_BASE_CSV_H

#include <stddef.h>

#include "base/status.h"

typedef struct csv_table {
    const char **cells;  /* names, then row after row; white space around a cell that is not quoted is dropped */
    size_t *lines;       /* of each row in the file, from 1 */
    size_t rows, columns;
    char *text;          /* owns the cells */
} csv_table;

/*
 * Cells are told apart by commas, semicolons or tabs, whichever the first line has first; quoted cells may hold them,
 * line ends and doubled quotes. Lines end in LF or CRLF; empty ones are passed over.
 * Errors: FILE, SIZE (64 MB), FORMAT (not text, no first line, a row with more or fewer cells, a quote that is not
 * closed; the line is named), MEMORY.
 */
status csv_read(csv_table *out, const char *path);
void csv_free(csv_table *t);

/* Number of the column of this name, whatever its case; -1: there is none. */
int csv_column(const csv_table *t, const char *name);

/* Row from 0; "" for column -1. */
const char *csv_cell(const csv_table *t, size_t row, int column);

#endif
