/* Reads a command line by its table, over popt. Every complaint names the option and what it accepts. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <popt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MOST = 48 };

typedef common_settings settings;

static const option_row common_rows[] = {
    ROW_INT("threads", threads, "N", "processor cores to use; 0: all of them", 0, 1024, 1),
    ROW_CHOICE("engine", engine, "what computes the network", "auto|onednn|reference"),
    ROW_FLAG("quiet", quiet, "no progress on the terminal"),
    ROW_FLAG("help", help, "this text"),
    ROW_END,
};

const option_row *options_common(void)
{
    return common_rows;
}

/* ---- one value ------------------------------------------------------------------------------------------ */

void option_accepts(const option_row *row, char *out, size_t size)
{
    const char *const several = row->kind == OPTION_INTS ? ", or several with commas between them" : "";
    switch (row->kind) {
    case OPTION_INT:
    case OPTION_INTS:
    case OPTION_SIZE:
        if (row->step > 1) {
            snprintf(out, size, "a whole number from %.0f to %.0f, a multiple of %d%s", row->low, row->high, row->step,
                     several);
        } else {
            snprintf(out, size, "a whole number from %.0f to %.0f%s", row->low, row->high, several);
        }
        break;
    case OPTION_SEED: snprintf(out, size, "a whole number from 0 to 18446744073709551615"); break;
    case OPTION_REAL: snprintf(out, size, "a number from %g to %g", row->low, row->high); break;
    case OPTION_CHOICE: snprintf(out, size, "one of %s", row->choices); break;
    case OPTION_TEXT: snprintf(out, size, "%s", row->value); break;
    case OPTION_LIST: snprintf(out, size, "%s, at most %d times", row->value, OPTION_LIST_MOST); break;
    case OPTION_FLAG: snprintf(out, size, "no value"); break;
    }
}

/* Only digits: strtoull() alone would take "-1", " 1" and "+1". */
static bool read_whole(const char *text, unsigned long long *out)
{
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text)) return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

static bool read_real(const char *text, double *out)
{
    char *end;
    if (text[0] == '\0' || strchr(" \t\n", text[0])) return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

/* Is `text` one of the words of "a|b|c"? */
static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    if (strchr(text, '|')) return false;
    for (const char *word = choices; word; word = strchr(word, '|')) {
        if (*word == '|') word++;
        if (length > 0 && strncmp(word, text, length) == 0 && (word[length] == '|' || word[length] == '\0'))
            return true;
    }
    return false;
}

static bool whole_fits(const option_row *row, unsigned long long value)
{
    return (double)value >= row->low && (double)value <= row->high &&
           (row->step <= 1 || value % (unsigned)row->step == 0);
}

static bool add_to_list(option_list *list, const char *text)
{
    if (list->count == OPTION_LIST_MOST || text[0] == '\0') return false;
    list->items[list->count++] = text;
    return true;
}

/* "256,352"; an option given again replaces what it gave before. */
static bool read_numbers(const option_row *row, int_list *list, const char *text)
{
    char digits[16];
    unsigned long long value;
    list->count = 0;
    for (const char *word = text;; word++) {
        const size_t length = strcspn(word, ",");
        if (length >= sizeof digits || list->count == OPTION_INTS_MOST) return false;
        memcpy(digits, word, length);
        digits[length] = '\0';
        if (!read_whole(digits, &value) || !whole_fits(row, value)) return false;
        list->items[list->count++] = (int)value;
        word += length;
        if (*word == '\0') return true;
    }
}

/* Put `text` where the row says; false: not accepted. */
static bool store_value(const option_row *row, void *block, const char *text)
{
    void *const to = (char *)block + row->offset;
    unsigned long long whole;
    switch (row->kind) {
    case OPTION_FLAG: *(bool *)to = true; return true;
    case OPTION_TEXT: *(const char **)to = text; return text[0] != '\0';
    case OPTION_LIST: return add_to_list(to, text);
    case OPTION_INTS: return read_numbers(row, to, text);
    case OPTION_CHOICE: *(const char **)to = text; return is_choice(row->choices, text);
    case OPTION_REAL: return read_real(text, to) && *(double *)to >= row->low && *(double *)to <= row->high;
    default: break;
    }
    if (!read_whole(text, &whole)) return false;
    if (row->kind == OPTION_SEED) {
        *(uint64_t *)to = whole;
        return true;
    }
    if (!whole_fits(row, whole)) return false;
    if (row->kind == OPTION_INT) *(int *)to = (int)whole;
    else *(size_t *)to = (size_t)whole;
    return true;
}

/* ---- the line ------------------------------------------------------------------------------------------- */

/* The command's rows and the common ones in one list; popt's `val` is the place in it, from 1. */
typedef struct row_list {
    const option_row *rows[OPTIONS_MOST];
    struct poptOption popt[OPTIONS_MOST + 1];
    int count;
} row_list;

static void add_rows(row_list *list, const option_row *rows)
{
    for (const option_row *row = rows; row->name && list->count < OPTIONS_MOST; row++) {
        list->rows[list->count] = row;
        list->popt[list->count] = (struct poptOption){
            .longName = row->name,
            .argInfo = row->kind == OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
            .val = list->count + 1,
        };
        list->count++;
    }
}

static bool complain_value(const command *c, const option_row *row, const char *text)
{
    char accepts[160];
    option_accepts(row, accepts, sizeof accepts);
    fprintf(stderr, "polyp: %s: --%s does not take '%s'; it takes %s\n", c->name, row->name, text, accepts);
    return false;
}

static const option_row *row_named(const row_list *list, const char *word)
{
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->rows[i]->name, word + strspn(word, "-")) == 0) return list->rows[i];
    }
    return NULL;
}

static bool complain_option(const command *c, const row_list *list, poptContext context, int error)
{
    const char *const word = poptBadOption(context, POPT_BADOPTION_NOALIAS);
    const option_row *const row = row_named(list, word);
    char accepts[160];
    if (error == POPT_ERROR_NOARG && row) {
        option_accepts(row, accepts, sizeof accepts);
        fprintf(stderr, "polyp: %s: %s needs a value: %s\n", c->name, word, accepts);
    } else if (error == POPT_ERROR_BADOPT) {
        fprintf(stderr, "polyp: %s: unknown option %s; `polyp %s --help` lists what there is\n", c->name, word,
                c->name);
    } else {
        fprintf(stderr, "polyp: %s: %s: %s\n", c->name, word, poptStrerror(error));
    }
    return false;
}

/* The settings point at option values, so the copies that popt makes are kept. */
static bool keep_text(arguments *rest, char *text)
{
    char **const grown = realloc(rest->kept, (rest->kept_count + 1) * sizeof *grown);
    if (!grown) {
        free(text);
        fprintf(stderr, "polyp: out of memory\n");
        return false;
    }
    rest->kept = grown;
    rest->kept[rest->kept_count++] = text;
    return true;
}

static bool read_options(const command *c, const row_list *list, settings_block *block, arguments *rest)
{
    const poptContext context = rest->context;
    int found;
    while ((found = poptGetNextOpt(context)) > 0) {
        const option_row *const row = list->rows[found - 1];
        char *text = NULL;
        if (row->kind != OPTION_FLAG) {
            text = poptGetOptArg(context);
            if (!text || !keep_text(rest, text)) return false;
        }
        if (!store_value(row, block, text)) return complain_value(c, row, text);
    }
    return found == -1 || complain_option(c, list, context, found);
}

static bool check_operands(const command *c, const arguments *rest)
{
    if (rest->count < c->operands_min) {
        fprintf(stderr, "polyp: %s: needs %s; `polyp %s --help` says more\n", c->name, c->operands, c->name);
        return false;
    }
    if (rest->count > c->operands_max) {
        fprintf(stderr, "polyp: %s: '%s' is one too many; it takes %s\n", c->name, rest->items[c->operands_max],
                c->operands[0] ? c->operands : "options only");
        return false;
    }
    return true;
}

bool options_read(const command *c, settings_block *block, arguments *rest, int argc, const char **argv)
{
    static const char *const nothing[] = {NULL};
    row_list list = {.count = 0};
    *rest = (arguments){0};
    add_rows(&list, c->rows);
    add_rows(&list, common_rows);
    block->common = (common_settings){.engine = "auto"};
    if (c->defaults) c->defaults(block);
    rest->context = poptGetContext("polyp", argc, argv, list.popt, 0);
    if (!rest->context) {
        fprintf(stderr, "polyp: out of memory\n");
        return false;
    }
    if (!read_options(c, &list, block, rest)) return false;
    const char **const left = poptGetArgs(rest->context);
    rest->items = left ? left : (const char **)(uintptr_t)nothing;
    while (rest->items[rest->count]) rest->count++;
    return block->common.help || check_operands(c, rest);
}

void arguments_free(arguments *rest)
{
    for (size_t i = 0; i < rest->kept_count; i++) free(rest->kept[i]);
    free(rest->kept);
    if (rest->context) poptFreeContext(rest->context);
    *rest = (arguments){0};
}
