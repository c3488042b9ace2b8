/*
 * Fetching from a server of our own on the loopback (range_server.py), with the faults of real ones: cut connections, no
 * ranges, wrong bytes, none at all. Nothing here leaves the machine.
 */
#include "weights_help.h"

#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/download.h"
#include "net/graph.h"
#include "net/published.h"

#include "cli_help.h"

enum { FILE_BYTES = 3 * 1000 * 1000 + 17 };

/* ---- the server ----------------------------------------------------------------------------------------- */

typedef struct server {
    pid_t process;
    int port;
} server;

static char served[CLI_PATH]; /* its folder */
static char sha256[65];       /* of its file */
static server plain_server;

static bool has_python(void)
{
    return system("python3 -c 'import http.server' >/dev/null 2>&1") == 0;
}

static bool server_start(server *out, const char *certificate, const char *key)
{
    char script[CLI_PATH + 64];
    const char *const source = getenv("POLYP_SOURCE");
    (void)snprintf(script, sizeof script, "%s/tests/range_server.py", source == NULL ? "." : source);
    const char *const words[] = {"python3", script, served, certificate, key, NULL};
    int ends[2];
    posix_spawn_file_actions_t files;
    if (pipe(ends) != 0) return false;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    posix_spawn_file_actions_addclose(&files, ends[0]);
    const int failed = posix_spawnp(&out->process, words[0], &files, NULL, (char **)words, environ);
    posix_spawn_file_actions_destroy(&files);
    (void)close(ends[1]);
    FILE *const answer = fdopen(ends[0], "r");
    const bool running = failed == 0 && fscanf(answer, "%d", &out->port) == 1;
    (void)fclose(answer);
    return running;
}

static void server_stop(const server *s)
{
    if (s->process <= 0) return;
    (void)kill(s->process, SIGTERM);
    (void)waitpid(s->process, NULL, 0);
}

static const char *url_of(const server *s, const char *scheme, const char *how, const char *name)
{
    static char urls[4][256];
    static int next;
    char *const url = urls[next++ % 4];
    (void)snprintf(url, sizeof urls[0], "%s://127.0.0.1:%d/%s/%s", scheme, s->port, how, name);
    return url;
}

static const char *url(const char *how)
{
    return url_of(&plain_server, "http", how, "weights.bin");
}

static void no_proxies(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) (void)unsetenv(names[i]);
    (void)setenv("no_proxy", "*", 1);
}

/* A file of drawn bytes, its checksum by another program, and the server. */
static int begin(void **state)
{
    if (cli_begin(state) != 0) return -1;
    (void)snprintf(served, sizeof served, "%s", in_folder("served"));
    if (folder_create(served) != POLYP_OK) return -1;
    unsigned char *const bytes = malloc(FILE_BYTES);
    random_stream r = random_open(5, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < FILE_BYTES; i++) bytes[i] = (unsigned char)random_next(&r);
    put_bytes(in_folder("served/weights.bin"), bytes, FILE_BYTES);
    free(bytes);
    no_proxies();
    if (!download_is_built_in() || !has_python()) return 0;
    char line[CLI_PATH + 64];
    (void)snprintf(line, sizeof line, "sha256sum '%s/weights.bin'", served);
    FILE *const sum = popen(line, "r");
    const bool known = sum != NULL && fscanf(sum, "%64s", sha256) == 1;
    if (sum != NULL) (void)pclose(sum);
    return known && server_start(&plain_server, NULL, NULL) ? 0 : -1;
}

static int end(void **state)
{
    server_stop(&plain_server);
    return cli_end(state);
}

/* Each test begins with no file and no requests. */
static int clean(void **state)
{
    (void)state;
    (void)unlink(in_folder("got/weights.bin"));
    (void)unlink(in_folder("got/weights.bin.part"));
    (void)unlink(in_folder("served/requests.log"));
    no_proxies();
    return 0;
}

static void skip_without_server(void)
{
    if (plain_server.process <= 0) skip();
}

static const char *goal(void)
{
    return in_folder("got/weights.bin");
}

static const char *part(void)
{
    return in_folder("got/weights.bin.part");
}

/* Requests so far: their lines. */
static const char *requests(void)
{
    static char log[CLI_TEXT];
    cli_slurp(in_folder("served/requests.log"), log);
    return log;
}

static int request_count(void)
{
    int count = 0;
    for (const char *at = requests(); *at; at++) count += *at == '\n';
    return count;
}

static const polyp_watch nobody = {NULL, NULL};

static status get(download_facts *facts, const char *how)
{
    return download(facts, goal(), url(how), sha256, nobody);
}

static void assert_whole(void)
{
    file_bytes a, b;
    assert_ok(file_read(&a, goal(), 0));
    assert_ok(file_read(&b, in_folder("served/weights.bin"), 0));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    file_close(&a);
    file_close(&b);
    assert_false(is_there(part()));
}

/* The first `keep` bytes of the file as an earlier call would have left them. */
static void leave_part(size_t keep)
{
    assert_ok(folder_create(in_folder("got")));
    copy_cut(in_folder("served/weights.bin"), part(), keep);
}

/* ---- what arrives --------------------------------------------------------------------------------------- */

static void a_file_is_fetched_once(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    assert_ok(get(&facts, "plain"));
    assert_whole();
    assert_true(facts.size == FILE_BYTES && !facts.was_there && !facts.resumed);
    assert_ok(get(&facts, "plain"));
    assert_true(facts.was_there);
    assert_int_equal(request_count(), 1);
}

static void a_cut_connection_is_taken_up_again(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    assert_ok(get(&facts, "cut"));
    assert_whole();
    assert_int_equal(request_count(), 3);
    assert_non_null(strstr(requests(), "bytes=1000006-"));
}

static void a_stopped_download_goes_on(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    leave_part(1234567);
    assert_ok(get(&facts, "plain"));
    assert_whole();
    assert_true(facts.resumed);
    assert_string_equal(requests(), "/plain/weights.bin bytes=1234567-\n");
}

/* Without ranges, or when the part is longer than the file, all is fetched anew. */
static void what_cannot_go_on_begins_anew(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    leave_part(1000);
    assert_ok(get(&facts, "norange"));
    assert_whole();
    (void)unlink(goal());
    leave_part(FILE_BYTES);
    FILE *const longer = fopen(part(), "ab");
    assert_int_equal(fwrite("more", 1, 4, longer), 4);
    (void)fclose(longer);
    assert_ok(get(&facts, "plain"));
    assert_whole();
}

static void a_part_of_another_file_begins_anew(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    assert_ok(folder_create(in_folder("got")));
    write_text(part(), "something else");
    assert_ok(get(&facts, "plain"));
    assert_whole();
    assert_false(facts.resumed);
    assert_int_equal(request_count(), 2);
}

/* Killed between the last byte and the renaming: nothing is asked of the server. */
static void a_whole_part_is_taken(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    leave_part(FILE_BYTES);
    assert_ok(get(&facts, "plain"));
    assert_whole();
    assert_int_equal(request_count(), 0);
}

static void a_damaged_file_is_replaced(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    assert_ok(folder_create(in_folder("got")));
    write_text(goal(), "damaged");
    assert_refused(download(&facts, goal(), url_of(&plain_server, "http", "plain", "none.bin"), sha256, nobody),
                   POLYP_ERR_FILE, "404");
    size_t size;
    free(read_bytes(goal(), &size));
    assert_int_equal(size, 7);
    assert_ok(get(&facts, "plain"));
    assert_whole();
}

static void redirects_are_followed(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    assert_ok(get(&facts, "redirect"));
    assert_whole();
}

static void a_proxy_is_used(void **state)
{
    (void)state;
    skip_without_server();
    char proxy[64];
    download_facts facts;
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", plain_server.port);
    (void)setenv("http_proxy", proxy, 1);
    (void)unsetenv("no_proxy");
    assert_ok(download(&facts, goal(), "http://weights.invalid/plain/weights.bin", sha256, nobody));
    assert_whole();
    assert_string_equal(requests(), "http://weights.invalid/plain/weights.bin None\n");
}

/* ---- what does not -------------------------------------------------------------------------------------- */

static void a_wrong_checksum_is_refused(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    assert_refused(get(&facts, "wrong"), POLYP_ERR_FORMAT, sha256);
    assert_refused(get(&facts, "wrong"), POLYP_ERR_FORMAT, "was removed");
    assert_false(is_there(goal()));
    assert_false(is_there(part()));
}

/* The server gives a beginning and no more: what came is kept, and another server's rest is joined to it. */
static void a_beginning_is_kept(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    size_t size;
    assert_refused(get(&facts, "stuck"), POLYP_ERR_FILE, "goes on from there");
    assert_false(is_there(goal()));
    free(read_bytes(part(), &size));
    assert_int_equal(size, 1000);
    assert_ok(get(&facts, "plain"));
    assert_whole();
    assert_true(facts.resumed);
}

static void what_is_not_there_leaves_nothing(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    const char *const none = url_of(&plain_server, "http", "plain", "none.bin");
    assert_refused(download(&facts, goal(), none, sha256, nobody), POLYP_ERR_FILE, "404");
    assert_refused(download(&facts, goal(), "http://127.0.0.1:1/x", sha256, nobody), POLYP_ERR_FILE, "127.0.0.1:1/x");
    assert_refused(download(&facts, goal(), "file:///etc/hostname", sha256, nobody), POLYP_ERR_FILE, "file:");
    assert_false(is_there(goal()));
    assert_false(is_there(part()));
}

static int stop(void *context, const polyp_progress *p)
{
    size_t *const calls = context;
    assert_string_equal(p->phase, "fetch");
    assert_int_equal(p->total, 3);
    return ++*calls == 2;
}

static void stopped_by_the_watcher(void **state)
{
    (void)state;
    skip_without_server();
    size_t calls = 0;
    download_facts facts;
    assert_refused(download(&facts, goal(), url("plain"), sha256, (polyp_watch){stop, &calls}), POLYP_STOPPED, "goes on");
    assert_false(is_there(goal()));
    assert_true(is_there(part()));
    assert_ok(get(&facts, "plain"));
    assert_whole();
}

static void two_at_once(void **state)
{
    (void)state;
    skip_without_server();
    download_facts facts;
    leave_part(1000);
    FILE *const other = fopen(part(), "ab");
    assert_int_equal(flock(fileno(other), LOCK_EX), 0);
    assert_refused(get(&facts, "plain"), POLYP_ERR_FILE, "another process");
    (void)fclose(other);
    assert_ok(get(&facts, "plain"));
    assert_whole();
}

static void certificates_are_checked(void **state)
{
    (void)state;
    skip_without_server();
    char line[3 * CLI_PATH];
    const char *const certificate = in_folder("certificate.pem"), *const key = in_folder("key.pem");
    (void)snprintf(line, sizeof line,
                   "openssl req -x509 -newkey rsa:2048 -nodes -keyout '%s' -out '%s' -days 2 -subj /CN=localhost -addext "
                   "subjectAltName=IP:127.0.0.1 >/dev/null 2>&1",
                   key, certificate);
    server secure = {0};
    if (system(line) != 0 || !server_start(&secure, certificate, key)) skip();
    download_facts facts;
    assert_refused(download(&facts, goal(), url_of(&secure, "https", "plain", "weights.bin"), sha256, nobody),
                   POLYP_ERR_FILE, "certificate");
    (void)setenv("CURL_CA_BUNDLE", certificate, 1);
    assert_refused(download(&facts, goal(), url_of(&secure, "https", "insecure", "weights.bin"), sha256, nobody),
                   POLYP_ERR_FILE, "cannot be fetched");
    assert_ok(download(&facts, goal(), url_of(&secure, "https", "plain", "weights.bin"), sha256, nobody));
    assert_whole();
    (void)unsetenv("CURL_CA_BUNDLE");
    server_stop(&secure);
}

/* ---- published weights ---------------------------------------------------------------------------------- */

static void where_weights_are_kept(void **state)
{
    (void)state;
    char *path = NULL;
    const published_weights *const w = published_find("resnet50");
    assert_non_null(w);
    (void)setenv("HOME", "/home/someone", 1);
    (void)setenv("XDG_CACHE_HOME", "/caches", 1);
    assert_ok(published_path(&path, w));
    assert_string_equal(path, "/caches/polyp/resnet50-0676ba61.pth");
    memory_free(path);
    (void)setenv("XDG_CACHE_HOME", "relative", 1);
    assert_ok(published_path(&path, w));
    assert_string_equal(path, "/home/someone/.cache/polyp/resnet50-0676ba61.pth");
    memory_free(path);
    (void)unsetenv("XDG_CACHE_HOME");
    (void)unsetenv("HOME");
    assert_refused(published_path(&path, w), POLYP_ERR_FILE, "HOME");
    assert_null(path);
}

/* The file's name has the first digits of the checksum, as torchvision names them. */
static void published_checksums_fit_their_files(void **state)
{
    (void)state;
    static const char *const names[] = {"resnet18", "resnet34", "resnet50", "resnet101"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const published_weights *const w = published_find(names[i]);
        assert_non_null(w);
        assert_int_equal(strlen(w->sha256), 64);
        assert_int_equal(strspn(w->sha256, "0123456789abcdef"), 64);
        const char *const digits = strchr(w->file, '-') + 1;
        assert_int_equal(strncmp(digits, w->sha256, 8), 0);
        assert_int_equal(strncmp(w->file, names[i], strlen(names[i])), 0);
    }
    assert_null(published_find("resnet19"));
    assert_non_null(strstr(polyp_error(), "resnet18, resnet34, resnet50, resnet101"));
}

static void a_mirror_fills_the_cache(void **state)
{
    (void)state;
    skip_without_server();
    const published_weights ours = {"ours", "weights.bin", sha256};
    download_facts facts;
    char base[64];
    (void)setenv("XDG_CACHE_HOME", in_folder("cache"), 1);
    (void)snprintf(base, sizeof base, "http://127.0.0.1:%d/plain/", plain_server.port);
    assert_ok(published_fetch(&facts, &ours, base, nobody));
    assert_int_equal(facts.size, FILE_BYTES);
    assert_true(is_there(in_folder("cache/polyp/weights.bin")));
    assert_refused(published_fetch(&facts, published_find("resnet34"), base, nobody), POLYP_ERR_FILE,
                   "fetch https://download.pytorch.org/models/resnet34-b627a593.pth where there is a connection, and put it "
                   "here as");
}

/* ---- the program ---------------------------------------------------------------------------------------- */

static void the_program_refuses_what_is_not_published(void **state)
{
    (void)state;
    skip_without_server();
    const char *const cached = in_folder("cache/polyp/resnet18-f37072fd.pth");
    char base[64];
    (void)setenv("XDG_CACHE_HOME", in_folder("cache"), 1);
    (void)snprintf(base, sizeof base, "http://127.0.0.1:%d/plain", plain_server.port);
    expect_failure(polyp("fetch", "resnet19"), 2, "there are resnet18, resnet34, resnet50, resnet101");
    expect_failure(polyp("fetch", "resnet18", "--url", "http://127.0.0.1:1"), 1, cached);
    copy_cut(in_folder("served/weights.bin"), in_folder("served/resnet18-f37072fd.pth"), 1000);
    expect_failure(polyp("fetch", "resnet18", "--url", base), 1, "was removed");
    assert_false(is_there(cached));
    assert_false(is_there(in_folder("cache/polyp/resnet18-f37072fd.pth.part")));
}

/* The encoder of `tiny`, under torchvision's names, as if it had been fetched. */
static void write_small_encoder(const char *path)
{
    unet_spec spec;
    graph g = {0};
    params p = {0};
    weights_item items[256];
    size_t count = 0;
    assert_ok(unet_preset(&spec, "tiny"));
    assert_ok(unet_build(&g, &spec));
    assert_ok(params_create(&p, &g.params));
    params_initialise(&p, 3);
    for (int i = 0; i < g.params.count; i++) {
        const param *const entry = &g.params.entries[i];
        if (strncmp(entry->name, "encoder.", 8) != 0) continue;
        items[count] = (weights_item){.name = entry->name + 8, .rank = entry->rank, .data = params_f32(&p, i)};
        for (int d = 0; d < entry->rank; d++) items[count].shape[d] = entry->shape[d];
        count++;
    }
    assert_ok(weights_write(path, items, count, NULL, 0));
    params_free(&p);
    graph_free(&g);
}

static const cli_result *train_by_name(const char *set)
{
    return polyp("train", set, "--out", in_folder("run"), "--recipe", "quick", "--preset", "tiny", "--encoder", "resnet18",
                 "--size", "32", "--epochs", "1", "--batch", "4", "--valid", "0.3");
}

static void training_finds_what_was_fetched(void **state)
{
    (void)state;
    const char *const set = in_folder("set");
    (void)setenv("XDG_CACHE_HOME", in_folder("cache"), 1);
    expect(polyp("synth", set, "--count", "10", "--width", "48", "--height", "48"), 0, "10 pictures", NULL);
    (void)unlink(in_folder("cache/polyp/resnet18-f37072fd.pth"));
    expect_failure(train_by_name(set), 1, "polyp fetch resnet18");
    assert_ok(folder_create(in_folder("cache/polyp")));
    write_small_encoder(in_folder("cache/polyp/resnet18-f37072fd.pth"));
    expect(train_by_name(set), 0, "model.safetensors", NULL);
}

#define CASE(test) cmocka_unit_test_setup(test, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_file_is_fetched_once),
        CASE(a_cut_connection_is_taken_up_again),
        CASE(a_stopped_download_goes_on),
        CASE(what_cannot_go_on_begins_anew),
        CASE(a_part_of_another_file_begins_anew),
        CASE(a_whole_part_is_taken),
        CASE(a_damaged_file_is_replaced),
        CASE(redirects_are_followed),
        CASE(a_proxy_is_used),
        CASE(a_wrong_checksum_is_refused),
        CASE(a_beginning_is_kept),
        CASE(what_is_not_there_leaves_nothing),
        CASE(stopped_by_the_watcher),
        CASE(two_at_once),
        CASE(certificates_are_checked),
        CASE(where_weights_are_kept),
        CASE(published_checksums_fit_their_files),
        CASE(a_mirror_fills_the_cache),
        CASE(the_program_refuses_what_is_not_published),
        CASE(training_finds_what_was_fetched),
    };
    return cmocka_run_group_tests_name("fetch", tests, begin, end);
}
