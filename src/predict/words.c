/* What a predictor does, in words: for files, tables and reports. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "predict/predictor.h"

typedef struct sentence {
    char text[256];
    size_t used;
} sentence;

/* Another part, after a comma. */
static void add(sentence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(sentence *s, const char *format, ...)
{
    va_list arguments;
    if (s->used > 0) s->used += (size_t)snprintf(s->text + s->used, sizeof s->text - s->used, ", ");
    va_start(arguments, format);
    s->used += (size_t)vsnprintf(s->text + s->used, sizeof s->text - s->used, format, arguments);
    va_end(arguments);
}

char *predictor_words(size_t models, const polyp_predictor_options *options)
{
    const polyp_mask_rules *const rules = &options->rules;
    sentence s = {.used = 0};
    if (models > 1) add(&s, "mean of %zu models", models);
    if (options->tta && strcmp(options->tta, "none") != 0) add(&s, "test-time augmentation %.16s", options->tta);
    if (rules->low_threshold > 0.0) add(&s, "hysteresis from %g", rules->low_threshold);
    if (rules->fill_holes) add(&s, "holes filled");
    if (rules->minimum_area > 0.0) add(&s, "regions under %g %% of the picture dropped", 100 * rules->minimum_area);
    if (rules->largest_only) add(&s, "only the largest region");
    return memory_text(s.text);
}
