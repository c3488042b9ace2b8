/* A check as JSON: every finding, every picture's facts, every split's. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/check_impl.h"

static const char *const level_names[CHECK_LEVELS] = {"error", "warning", "note"};

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null(); /* JSON has no NaN */
}

/* jansson takes UTF-8 only; a file's name may be anything. */
static json_t *text(const char *value)
{
    json_t *const string = value ? json_string(value) : json_null();
    return string ? string : json_string("(a name that is not UTF-8)");
}

static json_t *box_json(check_box b)
{
    return b.right > 0 ? json_pack("[iiii]", b.left, b.top, b.right - b.left, b.bottom - b.top) : json_null();
}

static json_t *split_json(const check_report *r, size_t split, const check_facts *f)
{
    const check_split *const s = &r->splits[split];
    return json_pack("{so so sI sI sI sI sI sI sI sI s[oo] s[ooo]}", "name", text(s->name), "set",
                     text(r->sets[s->set].folder), "pictures", (json_int_t)f->pictures, "read", (json_int_t)f->read,
                     "masks", (json_int_t)f->masks, "without_polyp", (json_int_t)f->empty, "borders",
                     (json_int_t)f->bordered, "boxes", (json_int_t)f->boxed, "blanked_boxes", (json_int_t)f->blanked,
                     "grey", (json_int_t)f->grey, "median_size", number(f->width), number(f->height),
                     "polyp_share_5_50_95", number(f->share_5), number(f->share_50), number(f->share_95));
}

static json_t *picture_json(const check_report *r, const check_picture *p)
{
    return json_pack("{so so so so si si so si si so so so so sI sI sb si}", "stem", text(p->stem), "set",
                     text(r->sets[p->set].folder), "picture", text(p->image), "mask", text(p->mask), "width", p->width,
                     "height", p->height, "polyp_share", number(p->polyp_share), "orientation", p->orientation,
                     "mask_orientation", p->mask_orientation, "border", json_boolean(p->bordered), "lit",
                     box_json(p->lit), "box", box_json(p->box), "blanked_box", box_json(p->blanked_box), "parts",
                     (json_int_t)p->parts, "specks", (json_int_t)p->specks, "negative", p->negative ? 1 : 0, "group",
                     p->group);
}

static json_t *stem_of(const check_report *r, size_t picture)
{
    return picture == CHECK_NONE ? json_null() : text(r->pictures[picture].stem);
}

static json_t *name_of(const check_report *r, size_t split)
{
    return split == CHECK_NONE ? json_null() : text(r->splits[split].name);
}

static json_t *finding_json(const check_report *r, const check_finding *f)
{
    return json_pack("{ss ss so so so so so so so sb}", "kind", check_kinds[f->kind].name, "level",
                     level_names[check_kinds[f->kind].level], "words", text(f->words), "stem", stem_of(r, f->picture),
                     "other", stem_of(r, f->other), "split", name_of(r, f->split), "other_split",
                     name_of(r, f->other_split), "distance", number(f->distance), "jaccard", number(f->jaccard),
                     "exact", f->exact ? 1 : 0);
}

static status fill_splits(json_t *list, const check_report *r)
{
    for (size_t i = 0; i < r->split_count; i++) {
        check_facts f;
        TRY(check_facts_of(&f, r, i));
        json_array_append_new(list, split_json(r, i, &f));
    }
    return POLYP_OK;
}

static json_t *counts_json(const check_report *r)
{
    json_t *const counts = json_object();
    for (int kind = 0; kind < CHECK_KINDS; kind++) {
        json_object_set_new(counts, check_kinds[kind].name, json_integer((json_int_t)r->counts[kind]));
    }
    return counts;
}

status check_write_json(const char *path, const check_report *r)
{
    json_t *const splits = json_array(), *const pictures = json_array(), *const findings = json_array();
    status result = fill_splits(splits, r);
    for (size_t i = 0; i < r->count; i++) json_array_append_new(pictures, picture_json(r, &r->pictures[i]));
    for (size_t i = 0; i < r->finding_count; i++) json_array_append_new(findings, finding_json(r, &r->findings[i]));
    json_t *const root =
        json_pack("{sI sI sI so so so so}", "errors", (json_int_t)r->level_counts[CHECK_ERROR], "warnings",
                  (json_int_t)r->level_counts[CHECK_WARNING], "notes", (json_int_t)r->level_counts[CHECK_NOTE],
                  "counts", counts_json(r), "splits", splits, "findings", findings, "pictures", pictures);
    char *const words = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    if (result == POLYP_OK && !words) result = fail(POLYP_ERR_MEMORY, "%s: no memory for the JSON", path);
    if (result == POLYP_OK) result = file_replace(path, words, strlen(words));
    free(words);
    json_decref(root);
    return result;
}
