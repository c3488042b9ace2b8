/* The program: a table of commands. Results on standard output, all else on standard error. */
#include <stdio.h>
#include <string.h>

#include "app.h"

static const command *const commands[] = {
    &cmd_synth, &cmd_check, &cmd_split, &cmd_import, &cmd_export, &cmd_fetch, &cmd_recipe, &cmd_train, &cmd_find_lr,
    &cmd_curves, &cmd_average, &cmd_evaluate, &cmd_check_scores, &cmd_predict, &cmd_quantize, &cmd_bench, &cmd_info,
    NULL,
};

int finish(polyp_status s)
{
    const char *const words = polyp_error();
    if (s == POLYP_OK) return EXIT_DONE;
    const char *const standard =
        s == POLYP_STOPPED ? "stopped before the end" : "failed without words; please report this";
    fprintf(stderr, "polyp: %s\n", words[0] ? words : standard);
    return s == POLYP_ERR_ARGUMENT ? EXIT_MISUSED : EXIT_FAILED;
}

polyp_mask_rules rules_of(const better_settings *s)
{
    return (polyp_mask_rules){s->hysteresis, s->fill_holes, s->least_area / 100, s->largest};
}

static const command *find_command(const char *name)
{
    for (const command *const *c = commands; *c; c++) {
        if (strcmp((*c)->name, name) == 0) return *c;
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    fprintf(stderr, "polyp: there is no command '%s'; `polyp help` lists what there is\n", name);
    return EXIT_MISUSED;
}

static int print_version(void)
{
    printf("polyp %s\n", polyp_version());
    for (const char *const *line = command_features(); *line; line++) printf("  %s\n", *line);
    return EXIT_DONE;
}

/* polyp help [COMMAND | --man] */
static int print_help(const char *topic)
{
    if (!topic || strcmp(topic, "--help") == 0) {
        help_overview(commands, stdout);
        return EXIT_DONE;
    }
    if (strcmp(topic, "--man") == 0) {
        help_man_page(commands, stdout);
        return EXIT_DONE;
    }
    const command *const c = find_command(topic);
    if (!c) return unknown_command(topic);
    help_command(c, stdout);
    return EXIT_DONE;
}

static int run_command(const command *c, int argc, const char **argv)
{
    settings_block settings;
    arguments rest;
    int code = EXIT_MISUSED;
    memset(&settings, 0, sizeof settings);
    if (options_read(c, &settings, &rest, argc, argv)) {
        if (settings.common.help) {
            help_command(c, stdout);
            code = EXIT_DONE;
        } else {
            code = c->run(&settings, &rest);
        }
    }
    arguments_free(&rest);
    return code;
}

static int dispatch(int argc, const char **argv)
{
    if (argc < 2) {
        help_overview(commands, stderr);
        return EXIT_MISUSED;
    }
    const char *const word = argv[1];
    if (strcmp(word, "--version") == 0) return print_version();
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return print_help(NULL);
    if (strcmp(word, "help") == 0) return print_help(argc > 2 ? argv[2] : NULL);
    const command *const c = find_command(word);
    if (!c) return unknown_command(word);
    return run_command(c, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    const int code = dispatch(argc, (const char **)argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "polyp: standard output cannot be written\n");
        return EXIT_FAILED;
    }
    return code;
}
