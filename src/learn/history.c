/* history.csv. It holds no times, so that equal runs give equal bytes. */
#include "learn/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static const char *const NAMES[HISTORY_COLUMNS] = {"learning_rate", "encoder_learning_rate", "train_loss",
                                                   "valid_loss",    "valid_jaccard",         "valid_dsc",
                                                   "valid_recall",  "valid_precision",       "valid_accuracy",
                                                   "valid_f2",      "valid_pooled_jaccard",  "valid_pooled_dsc"};

const char *history_column_name(enum history_column column)
{
    return NAMES[column];
}

status history_create(history *h, int epochs)
{
    *h = (history){.capacity = epochs};
    TRY(memory_new(&h->rows, (size_t)epochs));
    for (int i = 0; i < epochs; i++) {
        for (int k = 0; k < HISTORY_COLUMNS; k++) h->rows[i].values[k] = (double)NAN;
    }
    return POLYP_OK;
}

void history_free(history *h)
{
    memory_free(h->rows);
    *h = (history){0};
}

void history_set_scores(history_row *row, const polyp_evaluation *e)
{
    row->values[HISTORY_JACCARD] = e->per_image.jaccard;
    row->values[HISTORY_DSC] = e->per_image.dsc;
    row->values[HISTORY_RECALL] = e->per_image.recall;
    row->values[HISTORY_PRECISION] = e->per_image.precision;
    row->values[HISTORY_ACCURACY] = e->per_image.accuracy;
    row->values[HISTORY_F2] = e->per_image.f2;
    row->values[HISTORY_POOLED_JACCARD] = e->pooled.jaccard;
    row->values[HISTORY_POOLED_DSC] = e->pooled.dsc;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

enum { FIELDS = 64 }; /* of a line behind the epoch: more than any version wrote */

/* Which column each field of the file's lines is; negative: not known. */
typedef struct file_columns {
    int of[FIELDS];
    int count;
} file_columns;

static int column_named(const char *name, size_t length)
{
    for (int k = 0; k < HISTORY_COLUMNS; k++) {
        if (strlen(NAMES[k]) == length && memcmp(NAMES[k], name, length) == 0) return k;
    }
    return -1;
}

/* The first line, which *text moves behind; false when it is not a history's. */
static bool parse_header(file_columns *columns, const char **text)
{
    static const char FIRST[] = "epoch";
    bool known = false;
    *columns = (file_columns){0};
    if (strncmp(*text, FIRST, sizeof FIRST - 1) != 0) return false;
    const char *at = *text + sizeof FIRST - 1;
    while (*at == ',') {
        const size_t length = strcspn(++at, ",\r\n");
        if (columns->count == FIELDS) return false;
        const int column = column_named(at, length);
        columns->of[columns->count++] = column;
        known |= column >= 0;
        at += length;
    }
    if (*at == '\r') at++;
    if (*at != '\n' || !known) return false;
    *text = at + 1;
    return true;
}

/* One line from *text on, which moves behind it; false when it is not row `epoch`. */
static bool parse_row(history_row *row, const file_columns *columns, const char **text, int epoch)
{
    char *end;
    if (strtol(*text, &end, 10) != epoch) return false;
    for (int i = 0; i < columns->count; i++) {
        if (*end++ != ',') return false;
        char *const start = end;
        const bool empty = strchr(",\r\n", *start) != NULL;
        const double value = empty ? (double)NAN : strtod(start, &end);
        if (!empty && end == start) return false;
        if (columns->of[i] >= 0) row->values[columns->of[i]] = value;
    }
    if (*end == '\r') end++;
    *text = end + 1;
    return *end == '\n';
}

static status parse(history *h, const char *text, const char *path, int epochs)
{
    file_columns columns;
    if (!parse_header(&columns, &text)) {
        return fail(POLYP_ERR_FORMAT, "%s: its first line is not this program's; move it away to go on", path);
    }
    for (h->count = 0; h->count < epochs && h->count < h->capacity && *text; h->count++) {
        if (!parse_row(&h->rows[h->count], &columns, &text, h->count + 1)) {
            return fail(POLYP_ERR_FORMAT, "%s: line %d is damaged; move the file away to go on", path, h->count + 2);
        }
    }
    return POLYP_OK;
}

/* Lines up to `epochs` that nobody has any more. */
static void add_empty_rows(history *h, int epochs)
{
    for (; h->count < epochs && h->count < h->capacity; h->count++) {
        for (int k = 0; k < HISTORY_COLUMNS; k++) h->rows[h->count].values[k] = (double)NAN;
    }
}

/* A file's text with a NUL behind it; memory_free() it. */
static status read_text(char **out, const char *path)
{
    file_bytes bytes;
    TRY(file_read(&bytes, path, (size_t)1 << 26));
    const status result = memory_new(out, bytes.size + 1);
    if (result == POLYP_OK && bytes.size) memcpy(*out, bytes.data, bytes.size);
    file_close(&bytes);
    return result;
}

status history_read(history *h, const char *path, int epochs)
{
    char *text = NULL;
    status result = POLYP_OK;
    h->count = 0;
    if (file_exists(path)) {
        TRY(read_text(&text, path));
        result = parse(h, text, path, epochs);
    }
    add_empty_rows(h, epochs);
    memory_free(text);
    return result;
}

status history_open(history *h, const char *path)
{
    char *text = NULL;
    int lines = 0;
    TRY(read_text(&text, path));
    for (const char *at = text; (at = strchr(at, '\n')); at++) lines++;
    status result = history_create(h, lines);
    if (result == POLYP_OK) result = parse(h, text, path, lines);
    if (result != POLYP_OK) history_free(h);
    memory_free(text);
    return result;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static status print_rows(const history *h, file_writer *w)
{
    TRY(file_print(w, "epoch"));
    for (int k = 0; k < HISTORY_COLUMNS; k++) TRY(file_print(w, ",%s", NAMES[k]));
    TRY(file_print(w, "\n"));
    for (int i = 0; i < h->count; i++) {
        TRY(file_print(w, "%d", i + 1));
        for (int k = 0; k < HISTORY_COLUMNS; k++) {
            const double value = h->rows[i].values[k];
            /* 9 digits read back and printed again are the same 9 digits */
            TRY(isnan(value) ? file_print(w, ",") : file_print(w, ",%.9g", value));
        }
        TRY(file_print(w, "\n"));
    }
    return POLYP_OK;
}

status history_write(const history *h, const char *path)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = print_rows(h, w);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}
