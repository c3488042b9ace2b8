/* Running the program in a test: what it wrote on both streams, and its exit status. */
#ifndef POLYP_TESTS_CLI_HELP_H
#define POLYP_TESTS_CLI_HELP_H

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CLI_TEXT = 1 << 18, CLI_ARGUMENTS = 40, CLI_PATH = 512 };

typedef struct cli_result {
    int exit_status; /* exit status; -1: ended by a signal */
    char out[CLI_TEXT], err[CLI_TEXT];
} cli_result;

static char cli_folder[CLI_PATH]; /* a fresh folder for the whole test program */

/* A path in the test's folder; 64 of them may be in use at once. */
static inline const char *in_folder(const char *name)
{
    static char paths[64][CLI_PATH + 64];
    static int next;
    next = (next + 1) % 64;
    snprintf(paths[next], sizeof paths[next], "%s/%s", cli_folder, name);
    return paths[next];
}

static inline int cli_begin(void **state)
{
    const char *const base = getenv("TMPDIR");
    (void)state;
    snprintf(cli_folder, sizeof cli_folder, "%s/polyp-cli-XXXXXX", base ? base : "/tmp");
    return mkdtemp(cli_folder) ? 0 : -1;
}

static inline int cli_end(void **state)
{
    char line[CLI_PATH + 16];
    (void)state;
    snprintf(line, sizeof line, "rm -rf '%s'", cli_folder);
    return system(line);
}

static inline void cli_slurp(const char *path, char out[CLI_TEXT])
{
    FILE *const f = fopen(path, "rb");
    const size_t n = f ? fread(out, 1, CLI_TEXT - 1, f) : 0;
    out[n] = '\0';
    if (f) fclose(f);
}

static inline pid_t cli_start(const char *const *words)
{
    const char *argv[CLI_ARGUMENTS + 2] = {getenv("POLYP_PROGRAM")};
    posix_spawn_file_actions_t files;
    pid_t child = -1;
    assert_non_null(argv[0]);
    for (int i = 0; words[i]; i++) {
        assert_true(i < CLI_ARGUMENTS);
        argv[i + 1] = words[i];
    }
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, in_folder("stdout"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2, in_folder("stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(posix_spawn(&child, argv[0], &files, NULL, (char **)argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    return child;
}

static inline cli_result *cli_finish(pid_t child)
{
    static cli_result result;
    int raw;
    assert_int_equal(waitpid(child, &raw, 0), child);
    result.exit_status = WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
    cli_slurp(in_folder("stdout"), result.out);
    cli_slurp(in_folder("stderr"), result.err);
    return &result;
}

static inline cli_result *cli_run(const char *const *words)
{
    return cli_finish(cli_start(words));
}

#define polyp(...) cli_run((const char *const[]){__VA_ARGS__, NULL})

static inline void expect(const cli_result *r, int exit_status, const char *in_out, const char *in_err)
{
    if (r->exit_status != exit_status || (in_out && !strstr(r->out, in_out)) || (in_err && !strstr(r->err, in_err))) {
        fail_msg("exit %d, wanted %d; wanted on stdout \"%s\", on stderr \"%s\"\n--- stdout\n%s\n--- stderr\n%s",
                 r->exit_status, exit_status, in_out ? in_out : "", in_err ? in_err : "", r->out, r->err);
    }
}

/* Failures say so in one line on stderr that begins with the program's name, and leave stdout empty. */
static inline void expect_failure(const cli_result *r, int exit_status, const char *words)
{
    expect(r, exit_status, NULL, words);
    expect(r, exit_status, NULL, "polyp: ");
    assert_string_equal(r->out, "");
}

static inline void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *const f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* The caller frees. */
static inline unsigned char *read_bytes(const char *path, size_t *size)
{
    struct stat about;
    FILE *const f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &about), 0);
    *size = (size_t)about.st_size;
    unsigned char *const bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

/* How often a file holds the words. */
static inline size_t lines_with(const char *path, const char *words)
{
    size_t size, count = 0;
    char *const text = (char *)read_bytes(path, &size);
    text[size] = '\0';
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words)) count++;
    free(text);
    return count;
}

/* A copy of a file's first `keep` bytes. */
static inline void copy_cut(const char *from, const char *to, size_t keep)
{
    size_t size;
    unsigned char *const bytes = read_bytes(from, &size);
    assert_true(keep <= size);
    write_bytes(to, bytes, keep);
    free(bytes);
}

static inline int is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

#endif
