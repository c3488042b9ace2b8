/* The callables that a checkpoint's pickle may name, and what they make. Only pickle.c and pickle_build.c include this.
 */
#ifndef POLYP_NET_PICKLE_BUILD_H
#define POLYP_NET_PICKLE_BUILD_H

#include "net/pickle.h"

/* Where values are made; errors name `path`. */
typedef struct pickle_maker {
    arena *arena;
    const char *path;
    pickle_value *pool; /* values taken from the arena many at a time */
    size_t pool_left;
    pickle_value *storages;
} pickle_maker;

pickle_value *pickle_new(pickle_maker *m, enum pickle_kind kind); /* NULL after fail(MEMORY) */
status pickle_append(pickle_maker *m, pickle_items *items, pickle_value *value);

/* Inline, so that the compiler sees that it never returns POLYP_OK. */
static inline status pickle_damaged(const pickle_maker *m, const char *what)
{
    (void)fail(POLYP_ERR_FORMAT, "%s: its pickle is damaged: %s", m->path, what);
    return POLYP_ERR_FORMAT;
}

/* module.name, if it is known. Errors: UNSUPPORTED (names it), MEMORY. */
status pickle_find_global(pickle_value **out, pickle_maker *m, pickle_text module, pickle_text name);

/* callable(*arguments) */
status pickle_call(pickle_value **out, pickle_maker *m, const pickle_value *callable, const pickle_value *arguments);

/* The storage that a persistent id ('storage', class, key, location, count[, view]) stands for. */
status pickle_make_storage(pickle_value **out, pickle_maker *m, const pickle_value *id);

#endif
