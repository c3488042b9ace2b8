/* A table of pairs: one line a picture. */
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "learn/lists.h"
#include "learn/parts.h"

typedef struct pair_columns {
    int image, mask, group, split;
} pair_columns;

static status find_columns(pair_columns *out, const csv_table *t, const char *path)
{
    *out =
        (pair_columns){csv_column(t, "image"), csv_column(t, "mask"), csv_column(t, "group"), csv_column(t, "split")};
    if (out->image >= 0 && out->mask >= 0) return POLYP_OK;
    return fail(
        POLYP_ERR_FORMAT,
        "%s: the first line must name the columns image and mask; group and split may follow, others are passed "
        "over",
        path);
}

/* What one line is read with. */
typedef struct pair_row {
    arena *arena;
    const csv_table *table;
    const pair_columns *columns;
    const char *home, *path; /* of the table */
    size_t number;
} pair_row;

static const char *cell_of(const pair_row *r, int column)
{
    return csv_cell(r->table, r->number, column);
}

static size_t line_of(const pair_row *r)
{
    return r->table->lines[r->number];
}

/* A file that the table names. */
static status find_file(const char **out, const pair_row *r, const char *cell)
{
    *out = cell[0] == '/' ? arena_text(r->arena, cell) : arena_format(r->arena, "%s/%s", r->home, cell);
    if (*out == NULL) return POLYP_ERR_MEMORY;
    if (file_exists(*out)) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s:%zu: there is no file %s; paths are relative to the table", r->path, line_of(r),
                *out);
}

static status read_row(sample *s, const pair_row *r)
{
    const char *const image = cell_of(r, r->columns->image), *const mask = cell_of(r, r->columns->mask);
    const char *const split = cell_of(r, r->columns->split);
    *s = sample_new(NULL, NULL);
    if (image[0] == '\0') {
        return fail(POLYP_ERR_FORMAT, "%s:%zu: names no picture in the column image", r->path, line_of(r));
    }
    TRY(find_file(&s->image, r, image));
    s->negative = mask[0] == '\0';
    if (!s->negative) TRY(find_file(&s->mask, r, mask));
    if (split[0] == '\0') return POLYP_OK;
    s->split = arena_text(r->arena, split);
    return s->split != NULL ? POLYP_OK : POLYP_ERR_MEMORY;
}

/* Groups come before names: samples are in the table's order until then. */
static status read_groups(data_part *p, const csv_table *t, int group, int *next_group)
{
    size_t *numbers = NULL;
    const char **labels = NULL;
    status result;
    TRY_DONE(memory_new(&numbers, p->count));
    TRY_DONE(memory_new(&labels, p->count));
    for (size_t i = 0; i < p->count; i++) {
        numbers[i] = i;
        labels[i] = csv_cell(t, i, group);
    }
    TRY_DONE(group_labels(p->samples, numbers, labels, p->count, next_group));
done:
    memory_free(numbers);
    memory_free(labels);
    return result;
}

static status read_rows(data_part *p, arena *a, const csv_table *t, const pair_columns *c, const char *path,
                        int *next_group)
{
    const char **images;
    TRY(memory_new(&images, t->rows));
    status result;
    TRY_DONE(memory_new(&p->samples, t->rows));
    for (pair_row r = {a, t, c, p->layout.home, path, 0}; r.number < t->rows; r.number++) {
        images[r.number] = cell_of(&r, c->image);
        TRY_DONE(read_row(&p->samples[p->count++], &r));
    }
    result = p->count > 0 ? POLYP_OK : fail(POLYP_ERR_FORMAT, "%s: lists no pictures", path);
    if (result == POLYP_OK) result = read_groups(p, t, c->group, next_group);
    if (result == POLYP_OK) result = part_name_stems(p, images, a);
done:
    memory_free(images);
    return result;
}

status pairs_csv_read(data_part *p, arena *a, const char *path, int *next_group)
{
    csv_table t = {0};
    pair_columns columns;
    status result;
    TRY_DONE(csv_read(&t, path));
    TRY_DONE(find_columns(&columns, &t, path));
    TRY_DONE(read_rows(p, a, &t, &columns, path, next_group));
done:
    csv_free(&t);
    return result;
}
