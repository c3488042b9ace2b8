/* What `polyp predict` found, as JSON and as COCO annotations. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands_predict.h"

/* ---- parts ---------------------------------------------------------------------------------------------- */

/* jansson takes UTF-8 only; a file's name may be anything. */
static json_t *json_text(const char *text)
{
    json_t *const value = json_string(text);
    return value ? value : json_string("(a name that is not UTF-8)");
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *box_json(const region *r)
{
    return json_pack("[iiii]", r->left, r->top, r->right - r->left, r->bottom - r->top);
}

/* [[x, y], ...] */
static json_t *points_json(const outlines *o, const outline *item)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < item->count; i++) {
        const outline_point p = o->points[item->first + i];
        json_array_append_new(list, json_pack("[ii]", p.x, p.y));
    }
    return list;
}

/* `before` and the value, all in one line; takes the value over. */
static status print_value(file_writer *w, const char *before, json_t *value)
{
    char *const text = value ? json_dumps(value, JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (!text) return fail(POLYP_ERR_MEMORY, "no memory for the JSON");
    const status result = file_print(w, "%s%s", before, text);
    free(text);
    return result;
}

/* ---- our own -------------------------------------------------------------------------------------------- */

static json_t *polyp_json(const found_polyp *p, double pixels)
{
    json_t *const holes = json_array();
    for (size_t i = 1; i < p->outlines.count; i++)
        json_array_append_new(holes, points_json(&p->outlines, &p->outlines.items[i]));
    return json_pack("{so sI so so so so}", "box", box_json(&p->region), "area", (json_int_t)p->region.area, "share",
                     json_real((double)p->region.area / pixels), "probability", json_real(p->probability), "outline",
                     points_json(&p->outlines, &p->outlines.items[0]), "holes", holes);
}

static json_t *record_json(const char *out, const picture_item *item, const predict_record *record)
{
    if (!record->done) return json_pack("{so so}", "file", json_text(item->path), "error", json_text(record->error));
    json_t *const polyps = json_array();
    const double pixels = (double)record->width * (double)record->height;
    for (size_t i = 0; i < record->found.count; i++)
        json_array_append_new(polyps, polyp_json(&record->found.items[i], pixels));
    char *const mask = memory_format("%s/%s.png", out, item->stem);
    json_t *const entry = json_pack(
        "{so so si si so so so so so}", "file", json_text(item->path), "mask", mask ? json_text(mask) : json_null(),
        "width", record->width, "height", record->height, "polyp_share", json_real(record->share), "milliseconds",
        json_real(1e3 * record->seconds), "uncertainty", number(record->uncertainty.entropy), "disagreement",
        number(record->uncertainty.disagreement), "polyps", polyps);
    memory_free(mask);
    return entry;
}

static status print_head(file_writer *w, const predict_options *o, double threshold)
{
    const polyp_mask_rules *const rules = &o->rules;
    TRY(print_value(w, "{\n\"model\": ", json_text(o->model)));
    TRY(file_print(w, ",\n\"threshold\": %.9g,\n\"tta\": \"%s\"", threshold, o->tta ? o->tta : "none"));
    TRY(print_value(w, ",\n\"rules\": ",
                    json_pack("{so sb so sb}", "low_threshold",
                              rules->low_threshold > 0.0 ? json_real(rules->low_threshold) : json_null(), "fill_holes",
                              rules->fill_holes, "minimum_area", json_real(rules->minimum_area), "largest_only",
                              rules->largest_only)));
    return file_print(w, ",\n\"pictures\": [");
}

static status print_records(file_writer *w, const predict_options *o, const picture_list *inputs,
                            const predict_record *records)
{
    for (size_t i = 0; i < inputs->count; i++) {
        TRY(print_value(w, i == 0 ? "\n" : ",\n", record_json(o->out, &inputs->items[i], &records[i])));
    }
    return file_print(w, "\n]\n}\n");
}

status predict_write_json(const predict_options *options, const picture_list *inputs, const predict_record *records,
                          double threshold)
{
    file_writer *w;
    TRY(file_create(&w, options->json));
    status result = print_head(w, options, threshold);
    if (result == POLYP_OK) result = print_records(w, options, inputs, records);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}

/* ---- COCO ----------------------------------------------------------------------------------------------- */

/* COCO names pictures by the last part of their path. */
static const char *name_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static status print_images(file_writer *w, const picture_list *inputs, const predict_record *records)
{
    const char *before = "\n";
    TRY(file_print(w, "\"images\": ["));
    for (size_t i = 0; i < inputs->count; i++) {
        if (!records[i].done) continue;
        TRY(print_value(w, before,
                        json_pack("{sI so si si}", "id", (json_int_t)(i + 1), "file_name",
                                  json_text(name_of(inputs->items[i].path)), "width", records[i].width, "height",
                                  records[i].height)));
        before = ",\n";
    }
    return file_print(w, "\n],\n");
}

/* [[x, y, x, y ...]] or {"size": [height, width], "counts": [...]} */
static json_t *segmentation(const found_polyp *p, const predict_record *record)
{
    json_t *const list = json_array();
    if (p->runs) {
        for (size_t i = 0; i < p->run_count; i++) json_array_append_new(list, json_integer(p->runs[i]));
        return json_pack("{s[ii] so}", "size", record->height, record->width, "counts", list);
    }
    for (size_t i = 0; i < p->outlines.items[0].count; i++) {
        json_array_append_new(list, json_integer(p->outlines.points[i].x));
        json_array_append_new(list, json_integer(p->outlines.points[i].y));
    }
    return json_pack("[o]", list);
}

static json_t *annotation(size_t id, size_t image, const found_polyp *p, const predict_record *record)
{
    return json_pack("{sI sI si so sI so si so}", "id", (json_int_t)id, "image_id", (json_int_t)image, "category_id", 1,
                     "segmentation", segmentation(p, record), "area", (json_int_t)p->region.area, "bbox",
                     box_json(&p->region), "iscrowd", 0, "score", json_real(p->probability));
}

static status print_annotations(file_writer *w, const picture_list *inputs, const predict_record *records)
{
    size_t id = 0;
    TRY(file_print(w, "\"annotations\": ["));
    for (size_t i = 0; i < inputs->count; i++) {
        for (size_t k = 0; k < records[i].found.count; k++) {
            const char *const before = id++ == 0 ? "\n" : ",\n";
            TRY(print_value(w, before, annotation(id, i + 1, &records[i].found.items[k], &records[i])));
        }
    }
    return file_print(w, "\n],\n");
}

static status print_coco(file_writer *w, const predict_options *o, const picture_list *inputs,
                         const predict_record *records)
{
    TRY(print_value(
        w, "{\n\"info\": ",
        json_pack("{ss so}", "description", "found by polyp " POLYP_VERSION, "model", json_text(o->model))));
    TRY(file_print(w, ",\n\"licenses\": [],\n"));
    TRY(print_images(w, inputs, records));
    TRY(print_annotations(w, inputs, records));
    return file_print(w, "\"categories\": [{\"id\": 1, \"name\": \"polyp\", \"supercategory\": \"lesion\"}]\n}\n");
}

status predict_write_coco(const predict_options *options, const picture_list *inputs, const predict_record *records)
{
    file_writer *w;
    TRY(file_create(&w, options->coco));
    const status result = print_coco(w, options, inputs, records);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}
