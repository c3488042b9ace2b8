/* --weights of the commands that train on several data sets. */
#include <stdlib.h>

#include "app.h"

/* "1,0.5": one number above 0 for each of `count` data sets. False after saying what is wrong. */
bool set_weights_read(double *out, const char *name, const char *text, size_t count)
{
    const char *next = text;
    for (size_t i = 0; i < count; i++) {
        char *end;
        out[i] = strtod(next, &end);
        const bool ends_well = *end == (i + 1 < count ? ',' : '\0');
        if (end == next || !ends_well || !(out[i] > 0.0) || out[i] > 1e6) {
            fprintf(stderr, "polyp: %s: --weights %s: give %zu numbers above 0, one for each DATA, as in 1,0.5\n", name,
                    text, count);
            return false;
        }
        next = end + 1;
    }
    return true;
}
