/* polyp check: a data set looked over. */
#define _GNU_SOURCE /* open_memstream() */

#include <stdint.h>
#include <stdlib.h>

#include "app.h"

typedef struct settings {
    common_settings common;
    check_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("json", options.json, "FILE",
             "write every finding and every picture's facts as JSON; - for standard output"),
    ROW_TEXT("sheet", options.sheet, "FILE",
             "draw the pictures that findings are about, with the outlines of their masks, as .png or .jpg"),
    ROW_SIZE("show", options.shown, "N", "print at most N findings of a kind; 0: all", 0, 1e9),
    ROW_INT("ignore", options.ignore, "LEVEL", "masks give this grey level to pixels that do not count; 0: none", 0,
            254, 1),
    ROW_END,
};

static void defaults(void *block)
{
    settings *const s = block;
    s->options.shown = 5;
}

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    check_options options = s->options;
    check_result found = {0};
    json_target json;
    progress watched;
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream(&text, &size); /* written when the line of progress is gone */
    if (!to || !json_target_open(&json, options.json)) return EXIT_FAILED;
    progress_begin(&watched, s->common.quiet);
    options.folders = rest->items;
    options.folder_count = rest->count;
    options.json = json.path;
    options.threads = s->common.threads;
    options.watch = progress_watch(&watched);
    const polyp_status result = command_check(&found, &options, to);
    progress_end(&watched);
    fclose(to);
    if (result == POLYP_OK && !json_target_is_stdout(&json)) fwrite(text, 1, size, stdout);
    free(text);
    if (!json_target_close(&json, result == POLYP_OK)) return EXIT_FAILED;
    return result == POLYP_OK && found.errors > 0 ? EXIT_FAILED : finish(result);
}

const command cmd_check = {
    .name = "check",
    .operands = "DATA...",
    .summary = "look a data set over: unreadable, unpaired and odd files, duplicates, leaks between splits",
    .details =
        "Every file is looked at; nothing stops at the first problem. Several folders are also compared with one "
        "another. Exits with 1 when there are errors: what training would refuse, and pictures that lie in two "
        "splits, or nearly. Warnings and notes alone exit with 0.",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .rows = rows,
    .defaults = defaults,
    .run = run,
};
