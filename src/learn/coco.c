/*
 * COCO's annotations (Lin et al.: "Microsoft COCO: Common Objects in Context", 2014): images, annotations, categories.
 * Each picture's polygons and run lengths become one mask, drawn when the sample is read.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "learn/parts.h"

enum { JSON_LIMIT = 1 << 30 };

/* One picture while the file is read. */
typedef struct coco_image {
    json_int_t id;
    const json_t *entry;
    size_t polygons, runs; /* so many shapes; then how many are filled in */
    mask_shapes *shapes;
    mask_polygon *polygon; /* [polygons], of the arena */
    mask_runs *run;        /* [runs] */
} coco_image;

typedef struct coco_file {
    const char *path, *home;
    arena *arena;
    const json_t *images, *annotations, *categories; /* arrays */
    coco_image *table;                               /* sorted by id */
    size_t count;
    bool chosen; /* several categories are used: only those of polyps count */
} coco_file;

static status wrong(const coco_file *f, const char *what)
{
    return fail(POLYP_ERR_FORMAT, "%s: %s", f->path, what);
}

/* ---- categories ---------------------------------------------------------------------------- */

static bool says_polyp(const char *name)
{
    for (; name != NULL && *name; name++) {
        if (strncasecmp(name, "polyp", 5) == 0) return true;
    }
    return false;
}

static bool is_polyp(const coco_file *f, json_int_t category)
{
    size_t i;
    json_t *entry;
    json_array_foreach(f->categories, i, entry)
    {
        if (json_integer_value(json_object_get(entry, "id")) != category) continue;
        return says_polyp(json_string_value(json_object_get(entry, "name")));
    }
    return false;
}

static json_int_t category_of(const json_t *annotation)
{
    return json_integer_value(json_object_get(annotation, "category_id"));
}

static bool counts(const coco_file *f, const json_t *annotation)
{
    return !f->chosen || is_polyp(f, category_of(annotation));
}

/* One category is polyp, whatever its name; of several, those whose name says so. */
static status choose_categories(coco_file *f)
{
    bool several = false, polyp = false;
    const json_int_t first = category_of(json_array_get(f->annotations, 0));
    size_t i;
    json_t *annotation;
    json_array_foreach(f->annotations, i, annotation)
    {
        several |= category_of(annotation) != first;
        polyp |= is_polyp(f, category_of(annotation));
    }
    f->chosen = several;
    if (!several || polyp) return POLYP_OK;
    return wrong(f, "its annotations are of several categories, none of which is named polyp; rename one, or leave the "
                    "others out");
}

/* ---- pictures ------------------------------------------------------------------------------ */

static int compare_ids(const void *a, const void *b)
{
    const coco_image *const x = a, *const y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static coco_image *find_image(const coco_file *f, json_int_t id)
{
    const coco_image key = {.id = id};
    return bsearch(&key, f->table, f->count, sizeof *f->table, compare_ids);
}

static status list_images(coco_file *f)
{
    size_t i;
    json_t *entry;
    f->count = json_array_size(f->images);
    if (f->count == 0) return wrong(f, "lists no pictures");
    TRY(memory_new(&f->table, f->count));
    json_array_foreach(f->images, i, entry)
    {
        const json_t *const id = json_object_get(entry, "id");
        if (!json_is_integer(id) || !json_is_string(json_object_get(entry, "file_name")))
            return fail(POLYP_ERR_FORMAT, "%s: entry %zu of images lacks a whole number as id, or a file_name", f->path,
                        i);
        f->table[i] = (coco_image){.id = json_integer_value(id), .entry = entry};
    }
    qsort(f->table, f->count, sizeof *f->table, compare_ids);
    for (i = 1; i < f->count; i++) {
        if (f->table[i].id != f->table[i - 1].id) continue;
        return fail(POLYP_ERR_FORMAT, "%s: two pictures have the id %lld", f->path, (long long)f->table[i].id);
    }
    return POLYP_OK;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static status wrong_annotation(const coco_file *f, size_t number, const char *what)
{
    return fail(POLYP_ERR_FORMAT, "%s: entry %zu of annotations %s", f->path, number, what);
}

/* Polygons, or one object of run lengths; both counted here. */
static status count_shapes(coco_file *f, size_t number, const json_t *annotation)
{
    const json_t *const segmentation = json_object_get(annotation, "segmentation");
    coco_image *const image = find_image(f, json_integer_value(json_object_get(annotation, "image_id")));
    if (image == NULL) return wrong_annotation(f, number, "has an image_id that no picture has");
    if (json_is_object(segmentation)) {
        image->runs++;
    } else if (json_is_array(segmentation) && json_array_size(segmentation) > 0) {
        image->polygons += json_array_size(segmentation);
    } else {
        return wrong_annotation(f, number, "has no segmentation (polygons or run lengths); a box alone is no mask");
    }
    return POLYP_OK;
}

static status create_shapes(coco_file *f)
{
    for (size_t i = 0; i < f->count; i++) {
        coco_image *const image = &f->table[i];
        if (image->polygons + image->runs == 0) continue;
        image->shapes = arena_take(f->arena, 1, sizeof *image->shapes);
        image->polygon = arena_take(f->arena, image->polygons + 1, sizeof *image->polygon);
        image->run = arena_take(f->arena, image->runs + 1, sizeof *image->run);
        if (image->shapes == NULL || image->polygon == NULL || image->run == NULL) return POLYP_ERR_MEMORY;
        *image->shapes = (mask_shapes){.width = (int)json_integer_value(json_object_get(image->entry, "width")),
                                       .height = (int)json_integer_value(json_object_get(image->entry, "height")),
                                       .polygons = image->polygon,
                                       .runs = image->run};
    }
    return POLYP_OK;
}

static status add_polygon(coco_file *f, coco_image *image, size_t number, const json_t *list)
{
    const size_t values = json_array_size(list);
    if (values < 6 || values % 2 != 0) {
        return wrong_annotation(f, number, "has a polygon that is no list of three pairs x, y at least");
    }
    double *const points = arena_take(f->arena, values, sizeof *points);
    if (points == NULL) return POLYP_ERR_MEMORY;
    for (size_t i = 0; i < values; i++) {
        const json_t *const value = json_array_get(list, i);
        if (!json_is_number(value)) return wrong_annotation(f, number, "has a polygon with a corner that is no number");
        points[i] = json_number_value(value);
    }
    image->polygon[image->shapes->polygon_count++] = (mask_polygon){points, values / 2};
    return POLYP_OK;
}

static status read_lengths(mask_runs *out, coco_file *f, size_t number, const json_t *counts)
{
    const size_t count = json_array_size(counts);
    uint32_t *const lengths = arena_take(f->arena, count + 1, sizeof *lengths);
    if (lengths == NULL) return POLYP_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const json_int_t value = json_integer_value(json_array_get(counts, i));
        if (!json_is_integer(json_array_get(counts, i)) || value < 0 || value > UINT32_MAX)
            return wrong_annotation(f, number, "has run lengths that are no whole numbers");
        lengths[i] = (uint32_t)value;
    }
    *out = (mask_runs){lengths, count};
    return POLYP_OK;
}

static status read_text_lengths(mask_runs *out, coco_file *f, size_t number, const char *text)
{
    size_t count;
    uint32_t *const lengths = arena_take(f->arena, strlen(text) + 1, sizeof *lengths);
    if (lengths == NULL) return POLYP_ERR_MEMORY;
    if (runs_decode(lengths, &count, text) != POLYP_OK) {
        return wrong_annotation(f, number, "has damaged run lengths");
    }
    *out = (mask_runs){lengths, count};
    return POLYP_OK;
}

/* {"size": [height, width], "counts": [...] or "..."} */
static status add_runs(coco_file *f, coco_image *image, size_t number, const json_t *object)
{
    const json_t *const counts = json_object_get(object, "counts"), *const size = json_object_get(object, "size");
    const int height = (int)json_integer_value(json_array_get(size, 0));
    const int width = (int)json_integer_value(json_array_get(size, 1));
    mask_shapes *const s = image->shapes;
    mask_runs runs;
    if (s->width == 0) s->width = width, s->height = height;
    if (width < 1 || height < 1 || width != s->width || height != s->height) {
        return wrong_annotation(f, number, "has run lengths of another size than its picture");
    }
    if (json_is_string(counts)) {
        TRY(read_text_lengths(&runs, f, number, json_string_value(counts)));
    } else {
        TRY(read_lengths(&runs, f, number, counts));
    }
    if (!runs_fit(&runs, width, height)) {
        return wrong_annotation(f, number, "has run lengths that do not add up to its picture's pixels");
    }
    image->run[s->runs_count++] = runs;
    return POLYP_OK;
}

static status add_shapes(coco_file *f, size_t number, const json_t *annotation)
{
    const json_t *const segmentation = json_object_get(annotation, "segmentation");
    coco_image *const image = find_image(f, json_integer_value(json_object_get(annotation, "image_id")));
    if (json_is_object(segmentation)) return add_runs(f, image, number, segmentation);
    for (size_t i = 0; i < json_array_size(segmentation); i++) {
        TRY(add_polygon(f, image, number, json_array_get(segmentation, i)));
    }
    return POLYP_OK;
}

static status for_each(coco_file *f, status (*work)(coco_file *, size_t, const json_t *))
{
    size_t i;
    json_t *annotation;
    json_array_foreach(f->annotations, i, annotation)
    {
        if (counts(f, annotation)) TRY(work(f, i, annotation));
    }
    return POLYP_OK;
}

/* ---- files --------------------------------------------------------------------------------- */

/* COCO does not say where its pictures lie: beside the file, in images/ there, or in images/ one folder up. */
static const char *const ROOTS[] = {"", "images/", "../images/"};
enum { ROOT_COUNT = sizeof ROOTS / sizeof *ROOTS };

static const char *file_name(const coco_image *image)
{
    return json_string_value(json_object_get(image->entry, "file_name"));
}

static const char *path_under(const coco_file *f, size_t root, const coco_image *image)
{
    const char *const name = file_name(image);
    if (name[0] == '/') return arena_text(f->arena, name);
    return arena_format(f->arena, "%s/%s%s", f->home, ROOTS[root], name);
}

static status find_root(size_t *out, const coco_file *f)
{
    size_t found = ROOT_COUNT;
    for (size_t i = 0; i < ROOT_COUNT; i++) {
        const char *const path = path_under(f, i, &f->table[0]);
        if (path == NULL) return POLYP_ERR_MEMORY;
        if (!file_exists(path)) continue;
        if (found < ROOT_COUNT && file_name(&f->table[0])[0] != '/') {
            return fail(
                POLYP_ERR_MISMATCH,
                "%s: %s is there both in '%s' and in '%s' beside it, so it is not clear which is meant; move one "
                "away",
                f->path, file_name(&f->table[0]), ROOTS[found], ROOTS[i]);
        }
        found = i;
    }
    *out = found;
    if (found < ROOT_COUNT) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s: its picture %s is neither beside it nor in images/ there or one folder up",
                f->path, file_name(&f->table[0]));
}

static status fill_sample(sample *out, const coco_file *f, size_t root, const coco_image *image)
{
    *out = sample_new(NULL, path_under(f, root, image));
    if (out->image == NULL) return POLYP_ERR_MEMORY;
    out->shapes = image->shapes;
    out->negative = image->shapes == NULL;
    if (file_exists(out->image)) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s: there is no file %s", f->path, out->image);
}

static status fill_samples(data_part *p, const coco_file *f)
{
    size_t root;
    const char **names = NULL;
    status result;
    TRY_DONE(find_root(&root, f));
    TRY_DONE(memory_new(&names, f->count));
    TRY_DONE(memory_new(&p->samples, f->count));
    for (size_t i = 0; i < f->count; i++) {
        names[i] = file_name(&f->table[i]);
        TRY_DONE(fill_sample(&p->samples[p->count++], f, root, &f->table[i]));
    }
    TRY_DONE(part_name_stems(p, names, f->arena));
done:
    memory_free(names);
    return result;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static status load(json_t **out, const char *path)
{
    file_bytes bytes;
    json_error_t error;
    TRY(file_read(&bytes, path, JSON_LIMIT));
    *out = json_loadb((const char *)bytes.data, bytes.size, 0, &error);
    file_close(&bytes);
    if (*out != NULL) return POLYP_OK;
    return fail(POLYP_ERR_FORMAT, "%s:%d: not JSON: %s", path, error.line, error.text);
}

static status read_all(data_part *p, coco_file *f)
{
    if (!json_is_array(f->images) || !json_is_array(f->annotations)) {
        return wrong(f, "not COCO: it lacks the lists images and annotations");
    }
    TRY(choose_categories(f));
    TRY(list_images(f));
    TRY(for_each(f, count_shapes));
    TRY(create_shapes(f));
    TRY(for_each(f, add_shapes));
    return fill_samples(p, f);
}

status coco_read(data_part *p, arena *a, const char *path)
{
    json_t *root;
    TRY(load(&root, path));
    coco_file f = {.path = path,
                   .home = p->layout.home,
                   .arena = a,
                   .images = json_object_get(root, "images"),
                   .annotations = json_object_get(root, "annotations"),
                   .categories = json_object_get(root, "categories")};
    const status result = read_all(p, &f);
    memory_free(f.table);
    json_decref(root);
    return result;
}
