/* history.csv. It holds no times, so that equal runs give equal bytes. */
#include "learn/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static const char HEADER[] = "epoch,learning_rate,train_loss,valid_jaccard,valid_dsc,valid_recall,valid_precision,"
                             "valid_accuracy,valid_f2,valid_pooled_jaccard,valid_pooled_dsc\n";

status history_create(history *h, int epochs)
{
    *h = (history){.capacity = epochs};
    return memory_new(&h->rows, (size_t)epochs);
}

void history_free(history *h)
{
    memory_free(h->rows);
    *h = (history){0};
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* One line from *text on, which moves behind it; false when it is not row `epoch`. */
static bool parse_row(history_row *row, const char **text, int epoch)
{
    char *end;
    if (strtol(*text, &end, 10) != epoch) return false;
    for (int i = 0; i < HISTORY_COLUMNS; i++) {
        if (*end++ != ',') return false;
        char *const start = end;
        const bool empty = *start == ',' || *start == '\n';
        row->values[i] = empty ? (double)NAN : strtod(start, &end);
        if (!empty && end == start) return false;
    }
    *text = end + 1;
    return *end == '\n';
}

static status parse(history *h, const char *text, const char *path, int epochs)
{
    if (strncmp(text, HEADER, sizeof HEADER - 1) != 0) {
        return fail(POLYP_ERR_FORMAT, "%s: its first line is not this program's; move it away to go on", path);
    }
    text += sizeof HEADER - 1;
    for (h->count = 0; h->count < epochs && h->count < h->capacity && *text; h->count++) {
        if (!parse_row(&h->rows[h->count], &text, h->count + 1)) {
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

status history_read(history *h, const char *path, int epochs)
{
    file_bytes bytes;
    h->count = 0;
    if (!file_exists(path)) {
        add_empty_rows(h, epochs);
        return POLYP_OK;
    }
    TRY(file_read(&bytes, path, (size_t)1 << 26));
    char *text; /* ends with a NUL, which the file does not */
    status result = memory_new(&text, bytes.size + 1);
    if (result == POLYP_OK) {
        if (bytes.size) memcpy(text, bytes.data, bytes.size);
        result = parse(h, text, path, epochs);
        add_empty_rows(h, epochs);
        memory_free(text);
    }
    file_close(&bytes);
    return result;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static status print_rows(const history *h, file_writer *w)
{
    TRY(file_print(w, "%s", HEADER));
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
