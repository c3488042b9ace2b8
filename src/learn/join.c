/* Several parts as one: stems that more than one has are told apart. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/parts.h"

/* ---- names --------------------------------------------------------------------------------- */

/* "kvasir" for "/data/kvasir/" and "./kvasir.csv". */
static const char *last_part(arena *a, const char *path)
{
    char *const text = arena_text(a, path);
    if (text == NULL) return NULL;
    size_t length = strlen(text);
    while (length > 1 && text[length - 1] == '/') text[--length] = '\0';
    char *const slash = strrchr(text, '/');
    char *const name = slash != NULL && slash[1] != '\0' ? slash + 1 : text;
    char *const dot = strrchr(name, '.');
    if (dot != NULL && dot != name && !folder_exists(path)) *dot = '\0';
    return strspn(name, "./") == strlen(name) ? "set" : name;
}

static bool is_elsewhere(const char *const *names, size_t count, size_t i)
{
    for (size_t k = 0; k < count; k++) {
        if (k != i && strcmp(names[k], names[i]) == 0) return true;
    }
    return false;
}

status parts_name(const char **names, const char *const *paths, size_t count, arena *a)
{
    const char **plain;
    TRY(memory_new(&plain, count));
    status result = POLYP_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        plain[i] = last_part(a, paths[i]);
        if (plain[i] == NULL) goto done;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = is_elsewhere(plain, count, i) ? arena_format(a, "%s%zu", plain[i], i + 1) : plain[i];
        if (names[i] == NULL) goto done;
    }
    result = POLYP_OK;
done:
    memory_free(plain);
    return result;
}

/* ---- stems --------------------------------------------------------------------------------- */

typedef struct place {
    sample *sample;
    size_t part;
} place;

static int compare_places(const void *a, const void *b)
{
    const place *first = a, *second = b;
    return strcmp(first->sample->stem, second->sample->stem);
}

static status list_places(place **out, size_t *out_count, const data_part *parts, size_t count)
{
    size_t total = 0, next = 0;
    for (size_t p = 0; p < count; p++) total += parts[p].count;
    TRY(memory_new(out, total));
    for (size_t p = 0; p < count; p++) {
        for (size_t i = 0; i < parts[p].count; i++) (*out)[next++] = (place){&parts[p].samples[i], p};
    }
    qsort(*out, total, sizeof **out, compare_places);
    *out_count = total;
    return POLYP_OK;
}

static bool same_stem(const place *a, const place *b)
{
    return strcmp(a->sample->stem, b->sample->stem) == 0;
}

/* places[first .. end - 1] have one stem. */
static status rename_run(const place *places, size_t first, size_t end, const char *const *names, arena *a)
{
    for (size_t i = first; i < end && end - first > 1; i++) {
        sample *const s = places[i].sample;
        s->stem = arena_format(a, "%s-%s", names[places[i].part], s->name);
        if (s->stem == NULL) return POLYP_ERR_MEMORY;
    }
    return POLYP_OK;
}

static status rename_all(place *places, size_t count, const char *const *names, arena *a)
{
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && same_stem(&places[first], &places[end]);) end++;
        TRY(rename_run(places, first, end, names, a));
    }
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 1; i < count; i++) {
        if (!same_stem(&places[i - 1], &places[i])) continue;
        return fail(POLYP_ERR_MISMATCH, "%s and %s are both called %s among all data sets; rename one",
                    places[i - 1].sample->image, places[i].sample->image, places[i].sample->stem);
    }
    return POLYP_OK;
}

status parts_tell_apart(data_part *parts, size_t count, const char *const *names, arena *a)
{
    place *places = NULL;
    size_t total;
    status result;
    if (count < 2) return POLYP_OK;
    TRY_DONE(list_places(&places, &total, parts, count));
    TRY_DONE(rename_all(places, total, names, a));
done:
    memory_free(places);
    return result;
}

/* ---- pictures listed by path --------------------------------------------------------------- */

/* "seq1/0001.png" -> "0001", or "seq1-0001" when `whole`. Parts that go up or stay are dropped. */
static const char *stem_of_path(arena *a, const char *path, bool whole)
{
    const char *const slash = strrchr(path, '/');
    char *const stem = arena_text(a, whole || slash == NULL ? path : slash + 1);
    if (stem == NULL) return NULL;
    char *const last = strrchr(stem, '/'), *const dot = strrchr(stem, '.');
    if (dot != NULL && dot != stem && (last == NULL || dot > last + 1)) *dot = '\0';
    char *begin = stem;
    while (*begin == '/' || strncmp(begin, "./", 2) == 0 || strncmp(begin, "../", 3) == 0) begin++;
    for (char *c = begin; *c; c++) {
        if (*c == '/') *c = '-';
    }
    return begin;
}

static int compare_samples(const void *a, const void *b)
{
    return strcmp(((const sample *)a)->stem, ((const sample *)b)->stem);
}

/* Samples whose stem another has too. */
static status find_shared(bool *shared, const sample *samples, size_t count)
{
    data_part p = {.samples = (sample *)samples, .count = count};
    place *places;
    size_t total;
    TRY(list_places(&places, &total, &p, 1));
    for (size_t i = 1; i < total; i++) {
        if (!same_stem(&places[i - 1], &places[i])) continue;
        shared[places[i - 1].sample - samples] = true;
        shared[places[i].sample - samples] = true;
    }
    memory_free(places);
    return POLYP_OK;
}

static status name_all(data_part *p, const char *const *texts, const bool *whole, arena *a)
{
    for (size_t i = 0; i < p->count; i++) {
        p->samples[i].stem = p->samples[i].name = stem_of_path(a, texts[i], whole[i]);
        if (p->samples[i].stem == NULL) return POLYP_ERR_MEMORY;
    }
    return POLYP_OK;
}

status part_name_stems(data_part *p, const char *const *texts, arena *a)
{
    bool *shared;
    TRY(memory_new(&shared, p->count));
    status result;
    TRY_DONE(name_all(p, texts, shared, a));
    TRY_DONE(find_shared(shared, p->samples, p->count));
    TRY_DONE(name_all(p, texts, shared, a));
    qsort(p->samples, p->count, sizeof *p->samples, compare_samples);
    for (size_t i = 1; i < p->count; i++) {
        const sample *const one = &p->samples[i - 1], *const other = &p->samples[i];
        if (strcmp(one->stem, other->stem) != 0) continue;
        result = fail(POLYP_ERR_MISMATCH, "%s and %s would both be called %s; list each picture once, by another name",
                      one->image, other->image, one->stem);
        goto done;
    }
done:
    memory_free(shared);
    return result;
}
