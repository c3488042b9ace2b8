/*
 * Commands and their options as tables: reading the command line, the help and the man page all come from them, so that
 * they cannot disagree.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2 };

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_LIST,   /* option_list: may be given several times */
    OPTION_CHOICE, /* const char *, one of `choices` */
    OPTION_INT,    /* int in low .. high, a multiple of `step` */
    OPTION_INTS,   /* int_list: "256,352", each as in OPTION_INT */
    OPTION_SIZE,   /* size_t in low .. high */
    OPTION_SEED,   /* uint64_t, any */
    OPTION_REAL    /* double in low .. high */
};

enum { OPTION_LIST_MOST = 32, OPTION_INTS_MOST = 16 };

typedef struct option_list {
    const char *items[OPTION_LIST_MOST];
    size_t count;
} option_list;

typedef struct int_list {
    int items[OPTION_INTS_MOST];
    size_t count;
} int_list;

typedef struct option_row {
    const char *name; /* "epochs": given as --epochs */
    enum option_kind kind;
    size_t offset;     /* of the value in the command's settings */
    const char *value; /* what help calls the value: "N"; NULL for a flag */
    const char *help;
    double low, high;    /* numbers: both ends are accepted */
    int step;            /* OPTION_INT, OPTION_INTS: 0 or 1: any */
    const char *choices; /* OPTION_CHOICE: "auto|onednn|reference" */
} option_row;

/* Rows, for a table in a file whose settings are called `settings`. */
#define ROW_(name, kind, member, value, help, low, high, step, choices)               \
    {                                                                                 \
        name, kind, offsetof(settings, member), value, help, low, high, step, choices \
    }
#define ROW_FLAG(name, member, help)            ROW_(name, OPTION_FLAG, member, NULL, help, 0, 0, 0, NULL)
#define ROW_TEXT(name, member, value, help)     ROW_(name, OPTION_TEXT, member, value, help, 0, 0, 0, NULL)
#define ROW_LIST(name, member, value, help)     ROW_(name, OPTION_LIST, member, value, help, 0, 0, 0, NULL)
#define ROW_CHOICE(name, member, help, choices) ROW_(name, OPTION_CHOICE, member, "NAME", help, 0, 0, 0, choices)
#define ROW_INT(name, member, value, help, low, high, step) \
    ROW_(name, OPTION_INT, member, value, help, low, high, step, NULL)
#define ROW_INTS(name, member, value, help, low, high, step) \
    ROW_(name, OPTION_INTS, member, value, help, low, high, step, NULL)
#define ROW_SIZE(name, member, value, help, low, high) ROW_(name, OPTION_SIZE, member, value, help, low, high, 1, NULL)
#define ROW_REAL(name, member, value, help, low, high) ROW_(name, OPTION_REAL, member, value, help, low, high, 0, NULL)
#define ROW_SEED(name, member, help)                   ROW_(name, OPTION_SEED, member, "N", help, 0, 0, 0, NULL)
#define ROW_END                                         \
    {                                                   \
        NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0, 0, NULL \
    }

/* The first member of every command's settings. */
typedef struct common_settings {
    const char *engine;
    int threads; /* 0: every core */
    bool quiet, help;
} common_settings;

/* What stood on the command line beside the options; the strings live until arguments_free(). */
typedef struct arguments {
    const char **items; /* ends with NULL */
    size_t count;
    char **kept; /* copies of option values */
    size_t kept_count;
    void *context; /* popt's */
} arguments;

typedef struct command {
    const char *name;
    const char *operands; /* "MODEL DATA" */
    const char *summary;  /* one line */
    const char *details;  /* a paragraph for the help; NULL: none */
    size_t operands_min, operands_max;
    const option_row *rows; /* ends with name NULL; the common options are added to each */
    void (*defaults)(void *settings);
    int (*run)(const void *settings, const arguments *rest); /* an exit code */
} command;

/* Room for any command's settings; a command asserts that its own fit. */
typedef union settings_block {
    common_settings common;
    max_align_t alignment;
    char room[1024];
} settings_block;

#define SETTINGS_FIT(type) _Static_assert(sizeof(type) <= sizeof(settings_block), "settings_block is too small")

/* Fill in `block` from argv[1..] (argv[0] is the command's name). False after saying on stderr what is wrong: misused.
 * arguments_free() `rest` in both cases. */
bool options_read(const command *c, settings_block *block, arguments *rest, int argc, const char **argv);
void arguments_free(arguments *rest);

/* The options that every command has; ends with name NULL. */
const option_row *options_common(void);

/* help.c */
void help_overview(const command *const *commands, FILE *to);
void help_command(const command *c, FILE *to);
void help_man_page(const command *const *commands, FILE *to);

/* "32 to 4096, a multiple of 32": what a row accepts, in words */
void option_accepts(const option_row *row, char *out, size_t size);

#endif
