/* CSV read in two walks over one copy of the text: how many cells there are, then the cells themselves. */
#include "base/csv.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"

enum { CSV_LIMIT = 64 * 1000 * 1000 };

typedef struct csv_walk {
    char *next;  /* the text, changed as it is read */
    size_t line; /* that `next` is on, from 1 */
    char separator;
    const char *path;
} csv_walk;

static char find_separator(const char *text)
{
    const size_t first = strcspn(text, ",;\t\n");
    return text[first] == ';' || text[first] == '\t' ? text[first] : ',';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_spaces(csv_walk *w)
{
    while (is_space(*w->next) && *w->next != w->separator) w->next++;
}

/* Past lines of nothing but white space. Is anything left? */
static bool find_row(csv_walk *w)
{
    for (;;) {
        char *end = w->next;
        while (is_space(*end) && *end != w->separator) end++;
        if (*end == '\0') return false;
        if (*end != '\n') return true;
        w->next = end + 1;
        w->line++;
    }
}

/* After the opening quote: the contents moved together over doubled quotes. */
static status read_quoted(const char **cell, csv_walk *w)
{
    const size_t opened = w->line;
    char *to = ++w->next;
    *cell = to;
    for (; *w->next != '\0'; w->next++) {
        if (*w->next == '"') {
            if (w->next[1] != '"') break;
            w->next++;
        }
        w->line += *w->next == '\n';
        *to++ = *w->next;
    }
    if (*w->next == '\0') {
        return fail(POLYP_ERR_FORMAT, "%s:%zu: a quoted cell is not closed; close the quote", w->path, opened);
    }
    w->next++;
    *to = '\0';
    skip_spaces(w);
    if (*w->next == w->separator || *w->next == '\n' || *w->next == '\0') return POLYP_OK;
    return fail(POLYP_ERR_FORMAT, "%s:%zu: text follows a quoted cell; quotes inside one are written twice", w->path,
                w->line);
}

static void read_plain(const char **cell, csv_walk *w)
{
    *cell = w->next;
    char *end = w->next;
    while (*end != w->separator && *end != '\n' && *end != '\0') end++;
    w->next = end;
}

/* The next cell; `*end_of_row`: it was the last of its row. The separator behind it becomes its terminating zero. */
static status next_cell(const char **cell, bool *end_of_row, csv_walk *w)
{
    bool quoted = false;
    skip_spaces(w);
    if (*w->next == '"') {
        quoted = true;
        TRY(read_quoted(cell, w));
    } else {
        read_plain(cell, w);
    }
    char *const end = w->next;
    *end_of_row = *end != w->separator;
    if (*end != '\0') w->next++;
    w->line += *end == '\n';
    *end = '\0';
    for (char *last = end; !quoted && last > *cell && is_space(last[-1]);) *--last = '\0';
    return POLYP_OK;
}

/* Room for every cell there can be: one more than separators and line ends. */
static size_t most_cells(const char *text, char separator)
{
    size_t cells = 1;
    for (; *text != '\0'; text++) cells += *text == separator || *text == '\n';
    return cells;
}

static status read_row(csv_table *t, csv_walk *w, size_t row)
{
    const size_t line = w->line, first = row * t->columns;
    size_t count = 0;
    for (bool last = false; !last; count++) {
        const char *cell;
        TRY(next_cell(&cell, &last, w));
        if (row == 0 || count < t->columns) t->cells[first + count] = cell;
    }
    if (row == 0) {
        t->columns = count;
    } else {
        t->lines[row - 1] = line;
    }
    if (count == t->columns) return POLYP_OK;
    return fail(POLYP_ERR_FORMAT, "%s:%zu: %zu cells, but the first line names %zu columns", w->path, line, count,
                t->columns);
}

/* The file with a zero at its end. */
static status read_text(char **out, const char *path)
{
    file_bytes bytes;
    TRY(file_read(&bytes, path, CSV_LIMIT));
    status result;
    char *text = NULL;
    if (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL) {
        result = fail(POLYP_ERR_FORMAT, "%s: not a text file; a table is expected", path);
        goto done;
    }
    TRY_DONE(memory_new(&text, bytes.size + 1));
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    *out = text;
done:
    file_close(&bytes);
    return result;
}

static status read_rows(csv_table *t, csv_walk *w)
{
    size_t row = 0;
    for (; find_row(w); row++) TRY(read_row(t, w, row));
    if (row == 0) return fail(POLYP_ERR_FORMAT, "%s: empty; the first line names the columns", w->path);
    t->rows = row - 1;
    return POLYP_OK;
}

status csv_read(csv_table *out, const char *path)
{
    csv_table t = {0};
    status result;
    TRY_DONE(read_text(&t.text, path));
    const size_t mark = strncmp(t.text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* Windows' editor writes it */
    csv_walk w = {.next = t.text + mark, .line = 1, .path = path};
    w.separator = find_separator(w.next);
    const size_t most = most_cells(w.next, w.separator);
    TRY_DONE(memory_new(&t.cells, most));
    TRY_DONE(memory_new(&t.lines, most));
    TRY_DONE(read_rows(&t, &w));
    *out = t;
    return POLYP_OK;
done:
    csv_free(&t);
    return result;
}

void csv_free(csv_table *t)
{
    if (t == NULL) return;
    memory_free(t->cells);
    memory_free(t->lines);
    memory_free(t->text);
    *t = (csv_table){0};
}

int csv_column(const csv_table *t, const char *name)
{
    for (size_t i = 0; i < t->columns; i++) {
        if (strcasecmp(t->cells[i], name) == 0) return (int)i;
    }
    return -1;
}

const char *csv_cell(const csv_table *t, size_t row, int column)
{
    return column < 0 ? "" : t->cells[(row + 1) * t->columns + (size_t)column];
}
