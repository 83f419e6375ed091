/* SPDX-License-Identifier: Apache-2.0
 *
 * The name that a finished file gets: nobody else's, and on the disk before it counts as there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cms.h"
#include "disk.h"
#include "folder.h"
#include "folder_sync.h"
#include "making.h"
#include "publish.h"
#include "vault.h"

struct world {
    char folder[256], temporary[300], path[300];
};

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void assert_text(const char *path, const char *text)
{
    char read[64] = "";
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    read[fread(read, 1, sizeof read - 1, f)] = '\0';
    (void)fclose(f);
    assert_string_equal(read, text);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    if (!folder_make_on_disk(w->folder, "publish"))
        return -1;
    snprintf(w->temporary, sizeof w->temporary, "%s/f.new", w->folder);
    snprintf(w->path, sizeof w->path, "%s/f", w->folder);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    disk_mend();
    unlink(w->temporary);
    unlink(w->path);
    const int rc = rmdir(w->folder); /* fails if anything else is left */
    free(w);
    return rc;
}

static void a_name_is_waited_for(void **state)
{
    const struct world *w = *state;
    write_text(w->temporary, "new");
    disk_fail_folder(0, ENOSPC);
    assert_int_equal(publish(w->temporary, w->path), ENOSPC);
    assert_int_equal(access(w->path, F_OK), -1);
    assert_int_equal(publish(w->temporary, w->path), 0);
    assert_text(w->path, "new");
}

static void a_name_is_not_taken_away(void **state)
{
    const struct world *w = *state;
    write_text(w->temporary, "new");
    write_text(w->path, "old");
    assert_int_equal(publish(w->temporary, w->path), EEXIST);
    assert_text(w->path, "old");
}

static void a_folder_without_such_a_thing_is_as_good(void **state)
{
    const struct world *w = *state;
    disk_fail_folder(0, EINVAL);
    assert_int_equal(folder_sync(w->path), 0);
    disk_fail_folder(0, EIO);
    assert_int_equal(folder_sync(w->path), EIO);
    assert_int_equal(folder_sync("/nowhere/f"), ENOENT);
}

/* Nor is one that takes files and shows none. */
static void a_folder_that_cannot_be_read_is_as_good(void **state)
{
    const struct world *w = *state;
    const bool root = geteuid() == 0;
    assert_int_equal(chmod(w->folder, 0333), 0);
    assert_true(!root || seteuid(65534) == 0);
    const int rc = folder_sync(w->path);
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(chmod(w->folder, 0700), 0);
    assert_int_equal(rc, 0);
}

/* A vault without its key's name would be lost. */
static void a_key_file_is_waited_for(void **state)
{
    const struct world *w = *state;
    struct sealed_error error;
    const struct vault_config config = {w->path, true, NULL, NULL};
    char key[320];
    snprintf(key, sizeof key, "%s.key", w->path);
    disk_fail_folder(0, EIO);
    assert_null(vault_open(&config, &error));
    assert_non_null(strstr(error.text, strerror(EIO)));
    assert_int_equal(access(key, F_OK), -1);
    unlink(w->path);
    struct vault *v = vault_open(&config, &error);
    assert_non_null(v);
    vault_close(v);
    unlink(key);
}

/* What `handover make` writes, and what is said when it cannot. */
static void messages_are_published(void **state)
{
    const struct world *w = *state;
    struct cms_error error;
    const uint8_t text[] = "text";
    disk_fail_folder(0, EIO);
    assert_false(cms_write_file(w->path, span_of(text, 4), &error));
    assert_non_null(strstr(error.text, strerror(EIO)));
    assert_int_equal(access(w->path, F_OK), -1);
    assert_true(cms_write_file(w->path, span_of(text, 4), &error));
    assert_text(w->path, "text");
    assert_false(cms_write_file(w->path, span_of(text, 4), &error));
    assert_non_null(strstr(error.text, "exists already"));
}

/* The only record of a deck's keys. */
static void a_record_is_published(void **state)
{
    const struct world *w = *state;
    const struct subcommand cmd = {.name = "new"};
    struct key_record record;
    assert_true(record_open(&cmd, w->path, false, &record));
    disk_fail_folder(0, EIO);
    assert_false(record_publish(&cmd, &record));
    assert_int_equal(access(w->path, F_OK), -1);
    assert_true(record_publish(&cmd, &record));
    record_close(&record);
    assert_int_equal(access(w->path, F_OK), 0);
    assert_int_equal(access(w->temporary, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_is_not_taken_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_without_such_a_thing_is_as_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read_is_as_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_file_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_are_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_is_published, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
