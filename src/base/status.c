/* The last failure's words, one buffer per thread. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_SIZE = 1024 };

/* The only changing global of the library; fail()'s arguments may point into it (see below). */
static _Thread_local char words[WORDS_SIZE];

const char *polyp_error(void)
{
    return words;
}

const char *polyp_version(void)
{
    return POLYP_VERSION;
}

status fail(status code, const char *format, ...)
{
    /* Written aside first: an argument may be polyp_error() itself. */
    char fresh[WORDS_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(fresh, sizeof fresh, format, arguments) < 0) snprintf(fresh, sizeof fresh, "%s", format);
    va_end(arguments);
    memcpy(words, fresh, sizeof words);
    return code;
}

status fail_within(status code, const char *prefix)
{
    char before[WORDS_SIZE];
    memcpy(before, words, sizeof before);
    return fail(code, "%s: %s", prefix, before);
}
