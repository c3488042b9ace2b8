/* Help and man page, written from the tables that the command line is read by. */
#include "options.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <polyp.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 100 };

#define NOT_A_DEVICE "Research software, not a medical device."

/* Words of `text` from column HELP_COLUMN on, broken at HELP_WIDTH. */
static void print_wrapped(const char *text, int column, int indent, FILE *to)
{
    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (column + length > HELP_WIDTH && column > indent) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        }
        fprintf(to, "%.*s", length, text);
        text += length;
        column += length;
        if (*text == ' ') {
            text++;
            column++;
            if (*text && column + (int)strcspn(text, " ") <= HELP_WIDTH) fputc(' ', to);
        }
    }
    fputc('\n', to);
}

/* The value a row has before any option is read: "" where there is none worth telling. */
static void default_text(const option_row *row, const settings_block *settings, char *out, size_t size)
{
    const void *const from = (const char *)settings + row->offset;
    out[0] = '\0';
    switch (row->kind) {
    case OPTION_FLAG:
    case OPTION_INTS:
    case OPTION_LIST: break;
    case OPTION_TEXT:
    case OPTION_CHOICE:
        if (*(const char *const *)from) snprintf(out, size, "%s", *(const char *const *)from);
        break;
    case OPTION_INT:
        if (*(const int *)from != 0) snprintf(out, size, "%d", *(const int *)from);
        break;
    case OPTION_SIZE:
        if (*(const size_t *)from != 0) snprintf(out, size, "%zu", *(const size_t *)from);
        break;
    case OPTION_SEED: snprintf(out, size, "%llu", (unsigned long long)*(const uint64_t *)from); break;
    case OPTION_REAL:
        if (*(const double *)from >= fmax(row->low, 0)) snprintf(out, size, "%g", *(const double *)from);
        break;
    }
}

/* "help; one of a|b (default a)" */
static void describe_row(const option_row *row, const settings_block *settings, char *out, size_t size)
{
    char accepts[160], standard[160], choices[200] = "";
    option_accepts(row, accepts, sizeof accepts);
    default_text(row, settings, standard, sizeof standard);
    if (row->kind == OPTION_CHOICE || row->step > 1) snprintf(choices, sizeof choices, ": %s", accepts);
    if (standard[0]) snprintf(out, size, "%s%s (default %s)", row->help, choices, standard);
    else snprintf(out, size, "%s%s", row->help, choices);
}

static void standard_settings(const command *c, settings_block *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->common.engine = "auto";
    if (c->defaults) c->defaults(settings);
}

static void print_rows(const option_row *rows, const settings_block *settings, FILE *to)
{
    for (const option_row *row = rows; row->name; row++) {
        char text[512];
        const int written = fprintf(to, "  --%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
        const int column = written < HELP_COLUMN ? HELP_COLUMN : written + 1;
        fprintf(to, "%*s", column - written, "");
        describe_row(row, settings, text, sizeof text);
        print_wrapped(text, column, HELP_COLUMN, to);
    }
}

void help_command(const command *c, FILE *to)
{
    settings_block settings;
    standard_settings(c, &settings);
    fprintf(to, "usage: polyp %s%s%s [options]\n\n", c->name, c->operands[0] ? " " : "", c->operands);
    print_wrapped(c->summary, 0, 0, to);
    if (c->details) {
        fputc('\n', to);
        print_wrapped(c->details, 0, 0, to);
    }
    fprintf(to, "\noptions:\n");
    print_rows(c->rows, &settings, to);
    print_rows(options_common(), &settings, to);
}

void help_overview(const command *const *commands, FILE *to)
{
    fprintf(
        to,
        "usage: polyp COMMAND [arguments] [options]\n\n"
        "Finds polyps in colonoscopy pictures: trains, scores and runs a U-Net with a ResNet encoder.\n\ncommands:\n");
    for (const command *const *c = commands; *c; c++) fprintf(to, "  %-12s%s\n", (*c)->name, (*c)->summary);
    fprintf(to, "  %-12s%s\n", "help", "this text; `polyp help COMMAND` or `polyp COMMAND --help` for one command");
    fprintf(to,
            "\n`polyp --version` lists what was built in. Results go to standard output, all else to standard error;\n"
            "the program exits with 0 (done), 1 (failed) or 2 (misused).\n" NOT_A_DEVICE "\n");
}

/* ---- man page ------------------------------------------------------------------------------------------- */

/* roff takes a leading dot or quote for a command and `-` for a hyphen. */
static void roff(const char *text, FILE *to)
{
    if (*text == '.' || *text == '\'') fputs("\\&", to);
    for (; *text; text++) {
        if (*text == '-') fputs("\\-", to);
        else if (*text == '\\') fputs("\\e", to);
        else fputc(*text, to);
    }
}

static void man_rows(const option_row *rows, const settings_block *settings, FILE *to)
{
    for (const option_row *row = rows; row->name; row++) {
        char text[512];
        describe_row(row, settings, text, sizeof text);
        fprintf(to, ".TP\n\\fB\\-\\-");
        roff(row->name, to);
        fprintf(to, "\\fR%s%s%s%s\n", row->value ? " \\fI" : "", row->value ? row->value : "", row->value ? "\\fR" : "",
                "");
        roff(text, to);
        fputc('\n', to);
    }
}

static void man_command(const command *c, FILE *to)
{
    settings_block settings;
    standard_settings(c, &settings);
    fprintf(to, ".SS polyp %s %s\n", c->name, c->operands);
    roff(c->summary, to);
    fputc('\n', to);
    if (c->details) {
        fprintf(to, ".PP\n");
        roff(c->details, to);
        fputc('\n', to);
    }
    man_rows(c->rows, &settings, to);
}

void help_man_page(const command *const *commands, FILE *to)
{
    settings_block settings = {.common = {.engine = "auto"}};
    fprintf(to, ".\\\" written by `polyp help --man`\n.TH POLYP 1 \"\" \"polyp %s\" \"User Commands\"\n",
            polyp_version());
    fprintf(to, ".SH NAME\npolyp \\- find polyps in colonoscopy pictures\n"
                ".SH SYNOPSIS\n\\fBpolyp\\fR \\fICOMMAND\\fR [arguments] [options]\n"
                ".SH DESCRIPTION\nTrains, scores and runs a U\\-Net with a ResNet encoder on ordinary processors.\n"
                "Results go to standard output, all else to standard error.\n" NOT_A_DEVICE "\n.SH COMMANDS\n");
    for (const command *const *c = commands; *c; c++) man_command(*c, to);
    fprintf(to, ".SH COMMON OPTIONS\n");
    man_rows(options_common(), &settings, to);
    fprintf(to, ".SH EXIT STATUS\n0 done, 1 failed, 2 misused.\n");
}
