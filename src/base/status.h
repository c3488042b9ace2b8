/* Errors: a code and its words, set in one expression where the error is found. */
#ifndef POLYP_BASE_STATUS_H
#define POLYP_BASE_STATUS_H

#include <polyp.h>

typedef polyp_status status;

/* return fail(POLYP_ERR_FORMAT, "%s: ends after %zu bytes", path, n);
 * One clear sentence, the file's name first, what to do last. Keeps the words for polyp_error(), returns `code`.
 * The brackets keep cmocka's macro of the same name out, whichever header comes first. */
status (fail)(status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The words stay, `prefix: ` is put before them: for a caller that alone knows the file's name. Returns `code`. */
status fail_within(status code, const char *prefix);

/* if a step fails, hand its status up unchanged; for functions with nothing to clean up */
#define TRY(expression)                       \
    do {                                      \
        const status try_ = (expression);     \
        if (try_ != POLYP_OK) return try_;    \
    } while (0)

/* the same for functions that end in one `done:` label; needs a local `status result` */
#define TRY_DONE(expression)                          \
    do {                                              \
        result = (expression);                        \
        if (result != POLYP_OK) goto done;            \
    } while (0)

#endif
