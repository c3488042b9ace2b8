/* Text files with one stem a line, and groups as a table. */
#include "learn/lists.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/csv.h"
#include "base/file.h"

enum { LIST_LIMIT = 64 * 1000000 /* bytes of a list */ };

/* What is listed here but cannot be decoded fails when it is read, by name: better than to be left out in silence. */
bool is_picture_name(const char *name)
{
    static const char *const endings[] = {"jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp", "gif", "jfif"};
    const char *dot = strrchr(name, '.');
    if (dot == NULL) return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (strcasecmp(dot + 1, endings[i]) == 0) return true;
    }
    return false;
}

/* ---- stems --------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    const stem_entry *first = a, *second = b;
    const int by_stem = strcmp(first->stem, second->stem);
    return by_stem != 0 ? by_stem : (first->number > second->number) - (first->number < second->number);
}

status stem_index_create(stem_index *out, const sample *samples, size_t count, enum stem_kind kind)
{
    stem_entry *entries;
    TRY(memory_new(&entries, count));
    for (size_t i = 0; i < count; i++)
        entries[i] = (stem_entry){kind == STEMS_OF_ALL ? samples[i].stem : samples[i].name, i};
    qsort(entries, count, sizeof *entries, compare_entries);
    *out = (stem_index){entries, count};
    return POLYP_OK;
}

void stem_index_free(stem_index *i)
{
    memory_free(i->entries);
    *i = (stem_index){0};
}

typedef struct stem_key {
    const char *text;
    size_t length;
} stem_key;

static int compare_key(const void *key, const void *element)
{
    const stem_key *k = key;
    const stem_entry *e = element;
    const int order = strncmp(k->text, e->stem, k->length);
    if (order != 0) return order;
    return e->stem[k->length] == '\0' ? 0 : -1;
}

static size_t find_length(const stem_index *i, const char *text, size_t length)
{
    const stem_key key = {text, length};
    const stem_entry *found = bsearch(&key, i->entries, i->count, sizeof *i->entries, compare_key);
    return found != NULL ? found->number : STEM_NOWHERE;
}

/* The part after the last dot is dropped when the whole is not found. */
size_t stem_index_find(const stem_index *i, const char *text)
{
    const size_t whole = find_length(i, text, strlen(text));
    if (whole != STEM_NOWHERE || !is_picture_name(text)) return whole;
    return find_length(i, text, (size_t)(strrchr(text, '.') - text));
}

/* ---- one stem a line ----------------------------------------------------------------------- */

/* Cut the next line off `*text`, without the white space around it (so CRLF needs no rule of its own). */
static char *next_line(char **text)
{
    static const char white[] = " \t\r\v\f";
    char *line = *text;
    char *end = strchr(line, '\n');
    *text = end != NULL ? end + 1 : line + strlen(line);
    if (end == NULL) end = *text;
    while (end > line && strchr(white, end[-1]) != NULL) end--;
    *end = '\0';
    return line + strspn(line, white);
}

/* `text` is cut into lines. `named` has one flag per sample. */
static status pick_lines(size_t *numbers, size_t *count, const stem_index *index, bool *named, char *text,
                         const char *path)
{
    size_t missing = 0, line_number = 0, first_number = 0;
    const char *first_missing = NULL;
    while (*text != '\0') {
        const char *line = next_line(&text);
        line_number++;
        if (*line == '\0' || *line == '#') continue;
        const size_t found = stem_index_find(index, line);
        if (found == STEM_NOWHERE) {
            if (missing++ == 0) first_missing = line, first_number = line_number;
            continue;
        }
        if (named[found]) {
            return fail(POLYP_ERR_MISMATCH, "%s:%zu: %s is named twice; remove one", path, line_number, line);
        }
        named[found] = true;
        numbers[(*count)++] = found;
    }
    if (missing == 0) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH,
                "%s:%zu: %.100s is not in the data set (%zu such lines); mend the list or add the picture", path,
                first_number, first_missing, missing);
}

/* The file as text with a zero at its end; memory_free() it. */
static status read_text(char **out, const char *path)
{
    file_bytes bytes;
    TRY(file_read(&bytes, path, LIST_LIMIT));
    status result;
    char *text = NULL;
    if (bytes.size > 0 && memchr(bytes.data, 0, bytes.size) != NULL) {
        result = fail(POLYP_ERR_FORMAT, "%s: not a text file; a list has one stem a line", path);
        goto done;
    }
    TRY_DONE(memory_new(&text, bytes.size + 1));
    const bool has_mark = bytes.size >= 3 && memcmp(bytes.data, "\xef\xbb\xbf", 3) == 0; /* Windows' editor writes it */
    const size_t skip = has_mark ? 3 : 0;
    if (bytes.size > skip) memcpy(text, bytes.data + skip, bytes.size - skip);
    *out = text;
done:
    file_close(&bytes);
    return result;
}

status stem_list_read(size_t *numbers, size_t *count, const char *path, const stem_index *index)
{
    char *text = NULL;
    bool *named = NULL;
    status result;
    *count = 0;
    TRY_DONE(read_text(&text, path));
    TRY_DONE(memory_new(&named, index->count));
    TRY_DONE(pick_lines(numbers, count, index, named, text, path));
done:
    memory_free(named);
    memory_free(text);
    return result;
}

/* ---- groups -------------------------------------------------------------------------------- */

typedef struct label {
    const char *text;
    size_t sample;
} label;

static int compare_labels(const void *a, const void *b)
{
    const label *first = a, *second = b;
    return strcmp(first->text, second->text);
}

status group_labels(sample *samples, const size_t *numbers, const char *const *labels, size_t count, int *next)
{
    label *sorted;
    TRY(memory_new(&sorted, count));
    for (size_t i = 0; i < count; i++) sorted[i] = (label){labels[i], numbers[i]};
    qsort(sorted, count, sizeof *sorted, compare_labels);
    for (size_t i = 0; i < count; i++) {
        if (sorted[i].text[0] == '\0') continue;
        const bool same = i > 0 && strcmp(sorted[i].text, sorted[i - 1].text) == 0;
        samples[sorted[i].sample].group = same ? *next - 1 : (*next)++;
    }
    memory_free(sorted);
    return POLYP_OK;
}

/* Samples and group words of the table's rows; `others`: rows about other pictures are passed over. */
static status match_groups(size_t *numbers, const char **labels, size_t *count, const csv_table *t,
                           const stem_index *index, bool *named, const char *path, bool others)
{
    const int stem = csv_column(t, "stem"), group = csv_column(t, "group");
    if (stem < 0 || group < 0) {
        return fail(POLYP_ERR_FORMAT, "%s: the first line must name the columns stem and group", path);
    }
    for (size_t row = 0; row < t->rows; row++) {
        const char *const text = csv_cell(t, row, stem);
        const size_t found = stem_index_find(index, text);
        if (found == STEM_NOWHERE && others) continue;
        if (found == STEM_NOWHERE) {
            return fail(POLYP_ERR_MISMATCH, "%s:%zu: %.100s is not in the data set; mend the table or add the picture",
                        path, t->lines[row], text);
        }
        if (named[found]) {
            return fail(POLYP_ERR_MISMATCH, "%s:%zu: %s is named twice; remove one", path, t->lines[row], text);
        }
        named[found] = true;
        numbers[*count] = found;
        labels[(*count)++] = csv_cell(t, row, group);
    }
    if (*count > 0 || t->rows == 0) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH, "%s: none of its stems is in the data set; mend the table", path);
}

status group_list_read(sample *samples, const stem_index *index, const char *path, bool others, int *next)
{
    csv_table t = {0};
    size_t *numbers = NULL, count = 0;
    const char **labels = NULL;
    bool *named = NULL;
    status result;
    TRY_DONE(csv_read(&t, path));
    TRY_DONE(memory_new(&numbers, t.rows));
    TRY_DONE(memory_new(&labels, t.rows));
    TRY_DONE(memory_new(&named, index->count));
    TRY_DONE(match_groups(numbers, labels, &count, &t, index, named, path, others));
    TRY_DONE(group_labels(samples, numbers, labels, count, next));
done:
    memory_free(numbers);
    memory_free(labels);
    memory_free(named);
    csv_free(&t);
    return result;
}
