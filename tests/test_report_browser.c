/* The report's page in headless Chromium: no script error, every picture there, sorting, filters, a picture enlarged.
 * Skipped where there is no Chromium. */
#include "report_help.h"

#include <unistd.h>

enum { PICTURES = 40 };

/* Runs in a copy of the page: told errors first, then looks and presses as a reader would. Nothing of it waits: the
 * browser gives the page out when it is loaded, and would not wait for a promise. */
static const char watch[] =
    "<script>const errors = [];\n"
    "addEventListener('error', (e) => errors.push(String(e.message || e.target.tagName)), true);\n"
    "addEventListener('securitypolicyviolation', (e) => errors.push('policy ' + e.violatedDirective));</script>\n";
static const char look[] =
    "<script>addEventListener('load', () => {\n"
    "const said = [], say = (name, value) => said.push(name + '=' + value);\n"
    "const heads = [...document.querySelectorAll('#pictures-table thead button')];\n"
    "const rows = () => [...document.querySelectorAll('#pictures-table tbody tr')];\n"
    "const shown = () => rows().filter((r) => r.offsetHeight > 0).length;\n"
    "const keys = () => rows().map((r) => r.cells[1].dataset.v).filter((v) => v !== undefined).map(Number);\n"
    "const rises = (k) => k.every((v, i) => i === 0 || k[i - 1] <= v), falls = (k) => rises([...k].reverse());\n"
    "const set = (id, value) => { const f = document.getElementById(id); f.value = value;"
    " f.dispatchEvent(new Event('input')); };\n"
    "const images = [...document.images];\n"
    "const canvas = document.createElement('canvas'), brush = canvas.getContext('2d', { willReadFrequently: true });\n"
    "const decoded = (i) => { canvas.width = i.naturalWidth; canvas.height = i.naturalHeight; brush.drawImage(i, 0, 0);\n"
    "  return brush.getImageData(canvas.width - 1, canvas.height - 1, 1, 1).data[3] === 255; };\n"
    "say('images', images.length); say('decoded', images.filter(decoded).length);"
    "  say('visible', images.filter((i) => i.naturalWidth > 0 && i.offsetWidth > 0).length);\n"
    "say('wide', document.documentElement.scrollWidth <= innerWidth);\n"
    "const first = keys().join(); heads[1].click(); say('rises', rises(keys()) && keys().join() !== first);\n"
    "heads[1].click(); say('falls', falls(keys())); say('last', rows().at(-1).cells[1].textContent === '');\n"
    "say('sorted', document.querySelectorAll('#pictures-table [aria-sort=descending]').length);\n"
    "heads[0].click(); say('names', rows().map((r) => r.cells[0].textContent).slice(-1));\n"
    "say('all', shown()); set('filter-name', 'PICTURE-1'); say('named', shown());\n"
    "say('count', document.getElementById('filter-count').textContent);\n"
    "set('filter-name', ''); set('filter-size', 'none'); say('none', shown());\n"
    "set('filter-size', ''); set('filter-dsc', '0'); say('zero', shown()); set('filter-dsc', '');\n"
    "const line = document.querySelector('.tile .outlines .truth');\n"
    "document.getElementById('show-truth').click(); say('hidden', getComputedStyle(line).display);\n"
    "const tile = document.querySelector('.tile button'); tile.click();\n"
    "const large = document.getElementById('large'), picture = () => large.querySelector('img');\n"
    "say('large', large.open && picture().offsetWidth > tile.offsetWidth); const before = picture().alt;\n"
    "document.getElementById('large-next').click(); say('next', picture().alt !== before);\n"
    "large.close(); say('closed', !large.open);\n"
    "say('errors', errors.length ? errors.join() : 'none');\n"
    "const out = document.createElement('pre'); out.id = 'said'; out.textContent = '[' + said.join(';') + ']';\n"
    "document.body.append(out); });</script>\n";

static const char *browser(void)
{
    static const char *const names[] = {"chromium", "chromium-browser", "google-chrome"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char command[64];
        (void)snprintf(command, sizeof command, "command -v %s >/dev/null", names[i]);
        if (system(command) == 0) return names[i];
    }
    return NULL;
}

/* `what` put in front of `mark`. */
static char *inserted(char *page, const char *mark, const char *what)
{
    char *const at = strstr(page, mark);
    assert_non_null(at);
    char *const longer = memory_format("%.*s%s%s", (int)(at - page), page, what, at);
    assert_non_null(longer);
    memory_free(page);
    return longer;
}

static void write_watched(const char *from, const char *to)
{
    char *page = help_text(from);
    page = inserted(page, "<title>", watch);
    page = inserted(page, "</body>", look);
    assert_ok(file_replace(to, page, strlen(page)));
    memory_free(page);
}

/* The page as it stands after its scripts have run; memory_free() it. */
static char *page_after(const char *name, const char *folder, int width)
{
    char *const command = memory_format(
        "timeout 240 %s --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --hide-scrollbars "
        "--user-data-dir='%s/profile' --window-size=%d,900 --dump-dom 'file://%s/watched.html' "
        ">'%s/after.html' 2>'%s/words'", name, folder, width, folder, folder, folder);
    assert_non_null(command);
    assert_int_equal(system(command), 0);
    memory_free(command);
    return help_text(help_path(folder, "after.html"));
}

static const char *const wanted[] = {
    "images=37", "decoded=37", "visible=37", "wide=true", "falls=true", "rises=true", "last=true", "sorted=1",
    "names=picture-39", "all=40", "named=10", "count=10 of 40 pictures", "none=1", "hidden=none", "large=true", "next=true",
    "closed=true", "errors=none",
};

/* What the page said of itself, ";name=value;name=value;"; NULL: nothing. */
static char *said_in(char *page)
{
    char *const found = strstr(page, "id=\"said\">[");
    char *const said = found ? strchr(found, '[') : NULL;
    char *const end = said ? strchr(said, ']') : NULL;
    if (!end) return NULL;
    *said = *end = ';';
    return said;
}

/* The first of `wanted` that is not said; NULL: all are. */
static const char *not_said(const char *said)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char between[80];
        (void)snprintf(between, sizeof between, ";%s;", wanted[i]);
        if (!said || !strstr(said, between)) return wanted[i];
    }
    return NULL;
}

static void test_page(void **state)
{
    (void)state;
    const char *const name = browser();
    if (!name) {
        print_message("there is no Chromium here\n");
        skip();
    }
    made_set m;
    char *const folder = help_folder();
    made_open(&m, PICTURES, &(score_settings){.threshold = 0.5, .probabilities = true}, NULL);
    assert_ok(page_write(folder, &m.report, NULL, NULL, m.gallery));
    write_watched(help_path(folder, "index.html"), help_path(folder, "watched.html"));
    char *const after = page_after(name, folder, 500), *const said = said_in(after);
    if (not_said(said)) fail_msg("not %s: %.600s", not_said(said), said ? said : "nothing");
    assert_null(strstr(said, ";zero=0;"));
    memory_free(after);
    help_remove(folder);
    made_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page)};
    return cmocka_run_group_tests_name("report_browser", tests, NULL, NULL);
}
