/* Files: read, map, and above all that a write that fails leaves the old file whole and nothing beside it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

/* A fresh folder per test, its path in *state. */
static int make_folder(void **state)
{
    char *path = memory_text("/tmp/polyp-test-XXXXXX");
    if (path == NULL || mkdtemp(path) == NULL) return -1;
    *state = path;
    return 0;
}

static int remove_folder(void **state)
{
    char *command = memory_format("chmod -R u+rwx '%s'; rm -rf '%s'", (char *)*state, (char *)*state);
    const int result = system(command);
    memory_free(command);
    memory_free(*state);
    return result;
}

/* Names in the folder; one long-lived text so that the tests need not free each path. */
static const char *in(void **state, const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    return path;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void assert_holds(const char *path, const char *text)
{
    file_bytes bytes = {0};
    assert_int_equal(file_read(&bytes, path, 0), POLYP_OK);
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
    file_close(&bytes);
}

static void assert_file_count(void **state, size_t count)
{
    name_list list = {0};
    assert_int_equal(folder_list(&list, *state), POLYP_OK);
    assert_int_equal(list.count, count);
    name_list_free(&list);
}

static void assert_words(const char *part)
{
    if (strstr(polyp_error(), part) == NULL) fail_msg("'%s' does not say '%s'", polyp_error(), part);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void test_read_and_map(void **state)
{
    const char *path = in(state, "a.txt");
    put(path, "fourteen bytes");
    assert_holds(path, "fourteen bytes");
    file_bytes bytes = {0};
    assert_int_equal(file_map(&bytes, path), POLYP_OK);
    assert_int_equal(bytes.size, 14);
    assert_memory_equal(bytes.data, "fourteen bytes", 14);
    assert_true(bytes.mapped);
    file_close(&bytes);
    assert_null(bytes.data);
    file_close(&bytes);
    file_close(NULL);
}

static void test_empty_file(void **state)
{
    put(in(state, "empty"), "");
    file_bytes bytes = {0};
    assert_int_equal(file_read(&bytes, in(state, "empty"), 0), POLYP_OK);
    assert_int_equal(bytes.size, 0);
    file_close(&bytes);
    assert_int_equal(file_map(&bytes, in(state, "empty")), POLYP_OK);
    assert_int_equal(bytes.size, 0);
    file_close(&bytes);
}

static void test_limit(void **state)
{
    put(in(state, "ten"), "0123456789");
    file_bytes bytes = {0};
    assert_int_equal(file_read(&bytes, in(state, "ten"), 9), POLYP_ERR_SIZE);
    assert_words("ten: has 10 bytes");
    assert_null(bytes.data);
    assert_int_equal(file_read(&bytes, in(state, "ten"), 10), POLYP_OK);
    file_close(&bytes);
}

static void test_what_is_no_file_is_refused(void **state)
{
    file_bytes bytes = {0};
    assert_int_equal(file_read(&bytes, in(state, "missing"), 0), POLYP_ERR_FILE);
    assert_words("missing: cannot be opened: No such file");
    assert_int_equal(file_map(&bytes, in(state, "missing")), POLYP_ERR_FILE);
    assert_int_equal(file_read(&bytes, *state, 0), POLYP_ERR_FILE);
    assert_words("is a folder");
    assert_int_equal(file_map(&bytes, *state), POLYP_ERR_FILE);
    assert_int_equal(mkfifo(in(state, "pipe"), 0600), 0);
    assert_int_equal(file_read(&bytes, in(state, "pipe"), 0), POLYP_ERR_FILE); /* and does not wait for a writer */
    assert_words("is not a plain file");
    assert_int_equal(file_read(&bytes, "/dev/zero", 0), POLYP_ERR_FILE);
    assert_null(bytes.data);
}

static void test_read_without_memory(void **state)
{
    put(in(state, "a"), "text");
    file_bytes bytes = {0};
    memory_fail_at(1);
    assert_int_equal(file_read(&bytes, in(state, "a"), 0), POLYP_ERR_MEMORY);
    memory_fail_at(0);
    assert_null(bytes.data);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void test_write_new_and_replace(void **state)
{
    const char *path = in(state, "model");
    assert_int_equal(file_replace(path, "first", 5), POLYP_OK);
    assert_holds(path, "first");
    struct stat facts;
    const mode_t mask = umask(022);
    umask(mask);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0666 & ~mask);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_replace(path, "", 0), POLYP_OK);
    assert_holds(path, "");
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    assert_file_count(state, 1);
}

static void test_old_file_stays_until_commit(void **state)
{
    const char *path = in(state, "model");
    put(path, "old");
    file_writer *w = NULL;
    assert_int_equal(file_create(&w, path), POLYP_OK);
    assert_int_equal(file_print(w, "%s %d", "new", 7), POLYP_OK);
    assert_int_equal(file_write(w, "!", 1), POLYP_OK);
    assert_int_equal(file_write(w, NULL, 0), POLYP_OK);
    assert_holds(path, "old");
    assert_int_equal(file_commit(w), POLYP_OK);
    assert_holds(path, "new 7!");
    assert_file_count(state, 1);
}

static void test_abandon_leaves_old_and_nothing_beside(void **state)
{
    const char *path = in(state, "model");
    put(path, "old");
    file_writer *w = NULL;
    assert_int_equal(file_create(&w, path), POLYP_OK);
    assert_int_equal(file_write(w, "half", 4), POLYP_OK);
    file_abandon(w);
    file_abandon(NULL);
    assert_holds(path, "old");
    assert_file_count(state, 1);
}

static void test_two_writers_of_one_file(void **state)
{
    const char *path = in(state, "model");
    file_writer *a = NULL, *b = NULL;
    assert_int_equal(file_create(&a, path), POLYP_OK);
    assert_int_equal(file_create(&b, path), POLYP_OK);
    assert_int_equal(file_write(a, "aa", 2), POLYP_OK);
    assert_int_equal(file_write(b, "bbb", 3), POLYP_OK);
    assert_int_equal(file_commit(a), POLYP_OK);
    assert_holds(path, "aa");
    assert_int_equal(file_commit(b), POLYP_OK);
    assert_holds(path, "bbb");
    assert_file_count(state, 1);
}

static void test_link_is_followed(void **state)
{
    put(in(state, "real"), "old");
    assert_int_equal(symlink("real", in(state, "link")), 0);
    assert_int_equal(file_replace(in(state, "link"), "new", 3), POLYP_OK);
    assert_holds(in(state, "real"), "new");
    struct stat facts;
    assert_int_equal(lstat(in(state, "link"), &facts), 0);
    assert_true(S_ISLNK(facts.st_mode));
}

/* A disk that fills up, acted by the limit on a file's size: at every limit the old file stays whole. */
static void test_full_disk(void **state)
{
    const char *path = in(state, "model");
    put(path, "old");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
    static char bytes[100000];
    for (rlim_t limit = 0; limit < sizeof bytes; limit += 16384) {
        const struct rlimit tiny = {limit, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
        const status result = file_replace(path, bytes, sizeof bytes);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(result, POLYP_ERR_FILE);
        assert_words("model: cannot be written: File too large");
        assert_holds(path, "old");
        assert_file_count(state, 1);
    }
    signal(SIGXFSZ, handler);
}

/* A short text fails only when it is flushed, in the commit. */
static void test_full_disk_found_at_commit(void **state)
{
    const char *path = in(state, "model");
    put(path, "old");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
    const struct rlimit tiny = {0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    file_writer *w = NULL;
    const status created = file_create(&w, path);
    const status written = created == POLYP_OK ? file_print(w, "short") : created;
    const status committed = written == POLYP_OK ? file_commit(w) : written;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(written, POLYP_OK);
    assert_int_equal(committed, POLYP_ERR_FILE);
    assert_holds(path, "old");
    assert_file_count(state, 1);
}

static void test_cannot_be_written(void **state)
{
    file_writer *w = NULL;
    assert_int_equal(file_create(&w, in(state, "no/such/folder")), POLYP_ERR_FILE);
    assert_words("no/such/folder: cannot be written");
    assert_int_equal(file_create(&w, *state), POLYP_ERR_FILE);
    assert_words("is not a plain file");
    assert_int_equal(file_create(&w, "/dev/full"), POLYP_ERR_FILE); /* never renamed over */
    assert_null(w);
}

/* In a child, since root may write anywhere and must first become somebody else. */
static void test_folder_without_right_to_write(void **state)
{
    assert_int_equal(chmod(*state, 0555), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && seteuid(65534) != 0) _exit(9);
        if (file_replace(in(state, "a"), "x", 1) != POLYP_ERR_FILE) _exit(1);
        _exit(strstr(polyp_error(), "a: cannot be written: Permission denied") != NULL ? 0 : 2);
    }
    int ended = -1;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
}

static void test_write_survives_every_failed_allocation(void **state)
{
    const char *path = in(state, "model");
    put(path, "old");
    size_t k = 0;
    status result;
    do {
        file_writer *w = NULL;
        memory_fail_at(++k);
        result = file_create(&w, path);
        if (result == POLYP_OK) result = file_write(w, "new", 3);
        if (result == POLYP_OK) result = file_commit(w);
        memory_fail_at(0);
        assert_true(result == POLYP_OK || result == POLYP_ERR_MEMORY);
        assert_holds(path, result == POLYP_OK ? "new" : "old");
        assert_file_count(state, 1);
    } while (result != POLYP_OK && k < 50);
    assert_int_equal(k, 2);
    memory_fail_at(1); /* it needs no memory */
    assert_int_equal(file_replace(path, "newest", 6), POLYP_OK);
    memory_fail_at(0);
    assert_holds(path, "newest");
    assert_int_equal(file_place(path, "placed", 6), POLYP_OK);
    folder_sync(*state);
    folder_sync(in(state, "no/such/folder"));
    assert_holds(path, "placed");
    assert_file_count(state, 1);
    assert_int_equal(file_place(in(state, "no/such/folder"), "x", 1), POLYP_ERR_FILE);
}

/* ---- folders and paths ----------------------------------------------------------------------- */

static void test_folders(void **state)
{
    assert_int_equal(folder_create(in(state, "a/b/c")), POLYP_OK);
    assert_true(folder_exists(in(state, "a/b/c")));
    assert_int_equal(folder_create(in(state, "a/b/c/")), POLYP_OK);
    assert_int_equal(folder_create(in(state, "a//b/d/")), POLYP_OK);
    assert_true(folder_exists(in(state, "a/b/d")));
    put(in(state, "file"), "x");
    assert_true(file_exists(in(state, "file")));
    assert_false(file_exists(*state));
    assert_false(folder_exists(in(state, "file")));
    assert_int_equal(folder_create(in(state, "file")), POLYP_ERR_FILE);
    assert_words("file: the folder cannot be made");
    assert_int_equal(folder_create(in(state, "file/below")), POLYP_ERR_FILE);
    assert_int_equal(folder_create(""), POLYP_ERR_FILE);
    assert_int_equal(folder_create("/"), POLYP_OK);
}

static void test_relative_folder(void **state)
{
    char *before = getcwd(NULL, 0);
    assert_int_equal(chdir(*state), 0);
    assert_int_equal(folder_create("x/y"), POLYP_OK);
    assert_int_equal(file_replace("x/y/z", "1", 1), POLYP_OK);
    assert_int_equal(file_replace("plain", "2", 1), POLYP_OK);
    assert_int_equal(chdir(before), 0);
    free(before);
    assert_holds(in(state, "x/y/z"), "1");
    assert_holds(in(state, "plain"), "2");
}

static void test_list_is_sorted_plain_files(void **state)
{
    put(in(state, "b.jpg"), "");
    put(in(state, "a 1.jpg"), "");
    put(in(state, "B.jpg"), "");
    put(in(state, ".hidden"), "");
    assert_int_equal(folder_create(in(state, "folder")), POLYP_OK);
    assert_int_equal(symlink("b.jpg", in(state, "link")), 0);
    assert_int_equal(symlink("nowhere", in(state, "dangling")), 0);
    name_list list = {0};
    assert_int_equal(folder_list(&list, *state), POLYP_OK);
    static const char *const expected[] = {"B.jpg", "a 1.jpg", "b.jpg", "link"};
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 4; i++) assert_string_equal(list.names[i], expected[i]);
    name_list_free(&list);
    name_list_free(NULL);
}

static void test_list_of_many_and_of_none(void **state)
{
    name_list list = {0};
    assert_int_equal(folder_list(&list, *state), POLYP_OK);
    assert_int_equal(list.count, 0);
    name_list_free(&list);
    char name[64];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "a-name-long-enough-to-grow-the-block-%03d", i * 7 % 300);
        put(in(state, name), "");
    }
    assert_int_equal(folder_list(&list, *state), POLYP_OK);
    assert_int_equal(list.count, 300);
    for (size_t i = 1; i < 300; i++) assert_true(strcmp(list.names[i - 1], list.names[i]) < 0);
    name_list_free(&list);
    assert_int_equal(folder_list(&list, in(state, "missing")), POLYP_ERR_FILE);
    assert_words("missing: the folder cannot be opened");
    for (size_t k = 1; k <= 2; k++) {
        memory_fail_at(k);
        assert_int_equal(folder_list(&list, *state), POLYP_ERR_MEMORY);
        memory_fail_at(0);
    }
}

static void assert_stem(const char *path, const char *expected)
{
    char *stem = path_stem(path);
    assert_string_equal(stem, expected);
    memory_free(stem);
}

static void assert_join(const char *folder, const char *name, const char *expected)
{
    char *path = path_join(folder, name);
    assert_string_equal(path, expected);
    memory_free(path);
}

static void test_parts_of_paths(void **state)
{
    (void)state;
    assert_stem("a/b.c.jpg", "b.c");
    assert_stem("b", "b");
    assert_stem("/x.y/b", "b");
    assert_stem(".hidden", ".hidden");
    assert_stem("a/", "");
    assert_join("a", "b", "a/b");
    assert_join("a/", "b", "a/b");
    assert_join("", "b", "b");
    assert_join("/", "b", "/b");
    memory_fail_at(1);
    assert_null(path_stem("x"));
    memory_fail_at(0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_read_and_map),
        IN_FOLDER(test_empty_file),
        IN_FOLDER(test_limit),
        IN_FOLDER(test_what_is_no_file_is_refused),
        IN_FOLDER(test_read_without_memory),
        IN_FOLDER(test_write_new_and_replace),
        IN_FOLDER(test_old_file_stays_until_commit),
        IN_FOLDER(test_abandon_leaves_old_and_nothing_beside),
        IN_FOLDER(test_two_writers_of_one_file),
        IN_FOLDER(test_link_is_followed),
        IN_FOLDER(test_full_disk),
        IN_FOLDER(test_full_disk_found_at_commit),
        IN_FOLDER(test_cannot_be_written),
        IN_FOLDER(test_folder_without_right_to_write),
        IN_FOLDER(test_write_survives_every_failed_allocation),
        IN_FOLDER(test_folders),
        IN_FOLDER(test_relative_folder),
        IN_FOLDER(test_list_is_sorted_plain_files),
        IN_FOLDER(test_list_of_many_and_of_none),
        cmocka_unit_test(test_parts_of_paths),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
