/* Option tables: what is accepted, what is refused and with which words, and spelling help. */
#include "../support.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const gan_option table[] = {
    {"latent", GAN_OPTION_INT, "64", 1, 4096, NULL, "Length of the latent vector."},
    {"seed", GAN_OPTION_INT, "-3", 0, 0, NULL, "Any whole number."},
    {"lr", GAN_OPTION_FLOAT, "2e-4", 0, 1, NULL, "Learning rate."},
    {"kimg", GAN_OPTION_FLOAT, "1", 0, INFINITY, NULL, "Thousands of images."},
    {"ema", GAN_OPTION_BOOL, "false", 0, 0, NULL, "Moving average."},
    {"name", GAN_OPTION_STRING, "a run", 0, 0, NULL, "Any text."},
    {"loss", GAN_OPTION_CHOICE, "nonsaturating", 0, 0, "minimax|nonsaturating", "The generator's loss."},
    {"mode", GAN_OPTION_CHOICE, "a", 0, 0, "a|bb|ccc", "Three."},
    {"hidden", GAN_OPTION_INT_LIST, "[256, 256]", 1, 65536, NULL, "Widths."},
    {0}};

static gan_options *options;
static gan_message message;

static void setup(void)
{
    message.text[0] = '\0';
    options = gan_options_create(table, &message);
    ck_assert_msg(options, "%s", message.text);
}

static void teardown(void)
{
    gan_options_destroy(options);
}

static void refused(const char *name, const char *text, const char *sentence)
{
    char before[256], after[256];
    gan_options_text(options, name, before, sizeof before);
    ck_assert_int_eq(gan_options_set(options, name, text, &message), GAN_ERROR_OPTION);
    ck_assert_str_eq(message.text, sentence);
    ck_assert_str_eq(gan_options_text(options, name, after, sizeof after), before);
}

static void accepted(const char *name, const char *text, const char *shown)
{
    char out[256];
    gan_status status = gan_options_set(options, name, text, &message);
    ck_assert_msg(status == GAN_OK, "%s: %s", text, message.text);
    ck_assert_str_eq(gan_options_text(options, name, out, sizeof out), shown);
    /* What is printed reads back as itself. */
    ck_assert_int_eq(gan_options_set(options, name, out, &message), GAN_OK);
    ck_assert_str_eq(gan_options_text(options, name, out, sizeof out), shown);
}

START_TEST(defaults_are_the_tables)
{
    const int64_t *hidden;
    ck_assert_int_eq(gan_options_int(options, "latent"), 64);
    ck_assert_int_eq(gan_options_int(options, "seed"), -3);
    ck_assert_double_eq(gan_options_float(options, "lr"), 2e-4);
    ck_assert(!gan_options_bool(options, "ema"));
    ck_assert_str_eq(gan_options_string(options, "name"), "a run");
    ck_assert_str_eq(gan_options_string(options, "loss"), "nonsaturating");
    ck_assert(gan_options_is(options, "loss", "nonsaturating") && !gan_options_is(options, "loss", "minimax"));
    ck_assert_int_eq(gan_options_int_list(options, "hidden", &hidden), 2);
    ck_assert(hidden[0] == 256 && hidden[1] == 256);
    ck_assert_ptr_eq(gan_options_table(options), table);
}
END_TEST

START_TEST(values_are_read)
{
    const int64_t *hidden;
    accepted("latent", "4096", "4096");
    accepted("latent", " 1 ", "1");
    accepted("seed", "-9223372036854775808", "-9223372036854775808");
    accepted("seed", "+0012", "12");
    accepted("lr", "0.1", "0.1");
    accepted("lr", ".5", "0.5");
    accepted("lr", "1", "1");
    accepted("lr", "0.1000000000000000055", "0.1");
    accepted("kimg", "12345678.25", "12345678.25");
    accepted("name", "", "");
    accepted("name", "ünïcode: [x]", "ünïcode: [x]");
    accepted("mode", "ccc", "ccc");
    accepted("hidden", "[]", "[]");
    accepted("hidden", "7", "[7]");
    accepted("hidden", "1,2 ,3", "[1, 2, 3]");
    accepted("hidden", "[ 512 ,256,\t128]", "[512, 256, 128]");
    ck_assert_int_eq(gan_options_int_list(options, "hidden", &hidden), 3);
    ck_assert(hidden[0] == 512 && hidden[1] == 256 && hidden[2] == 128);
    static const char *const yes[] = {"true", "yes", "on", "True", "YES"}, *const no[] = {"false", "no", "off", "Off"};
    for (int i = 0; i < 5; i++)
        accepted("ema", yes[i], "true");
    for (int i = 0; i < 4; i++)
        accepted("ema", no[i], "false");
}
END_TEST

START_TEST(wrong_values_are_refused)
{
    refused("latent", "many", "latent must be a whole number from 1 to 4096, but is \"many\"");
    refused("latent", "0", "latent must be a whole number from 1 to 4096, but is \"0\"");
    refused("latent", "4097", "latent must be a whole number from 1 to 4096, but is \"4097\"");
    refused("latent", "6.4", "latent must be a whole number from 1 to 4096, but is \"6.4\"");
    refused("latent", "", "latent must be a whole number from 1 to 4096, but is \"\"");
    refused("latent", "0x10", "latent must be a whole number from 1 to 4096, but is \"0x10\"");
    refused("seed", "9223372036854775808", "seed must be a whole number, but is \"9223372036854775808\"");
    refused("seed", "-", "seed must be a whole number, but is \"-\"");
    refused("lr", "fast", "lr must be a number from 0 to 1, but is \"fast\"");
    refused("lr", "1.5", "lr must be a number from 0 to 1, but is \"1.5\"");
    refused("lr", "0x1p-2", "lr must be a number from 0 to 1, but is \"0x1p-2\"");
    refused("lr", "nan", "lr must be a number from 0 to 1, but is \"nan\"");
    refused("kimg", "inf", "kimg must be a number of at least 0, but is \"inf\"");
    refused("kimg", "1e999", "kimg must be a number of at least 0, but is \"1e999\"");
    refused("kimg", "-1", "kimg must be a number of at least 0, but is \"-1\"");
    refused("ema", "maybe", "ema must be true or false, but is \"maybe\"");
    refused("name", "a\nb", "name must be text on one line, without control characters, but is \"a?b\"");
    refused("loss", "hinge", "loss must be minimax or nonsaturating, but is \"hinge\"");
    refused("loss", "minmax", "loss must be minimax or nonsaturating, but is \"minmax\"; did you mean \"minimax\"?");
    refused("mode", "z", "mode must be a, bb or ccc, but is \"z\"");
    refused("hidden", "[256, 0]",
            "hidden must be a list such as [64, 32] of whole numbers from 1 to 65536, but is \"[256, 0]\"");
    static const char *const lists[] = {"[1", "1]", "[1,]", "[,1]", "[1 2]", "[1]]", "", "x", "[1] x"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ck_assert_msg(gan_options_set(options, "hidden", lists[i], NULL) == GAN_ERROR_OPTION, "%s", lists[i]);
    ck_assert_int_eq(gan_options_set(options, "latent", NULL, &message), GAN_ERROR_OPTION);
    ck_assert_str_eq(message.text, "latent has no value");
}
END_TEST

START_TEST(caps_hold)
{
    char text[8192] = "[1";
    for (int i = 1; i < GAN_OPTION_LIST_MAX; i++)
        strcat(text, ",1");
    ck_assert_int_eq(gan_options_set(options, "hidden", text, &message), GAN_ERROR_OPTION); /* no bracket */
    strcat(text, "]");
    ck_assert_int_eq(gan_options_set(options, "hidden", text, &message), GAN_OK);
    strcpy(text + strlen(text) - 1, ",1]");
    ck_assert_int_eq(gan_options_set(options, "hidden", text, &message), GAN_ERROR_OPTION);
    ck_assert_str_eq(message.text, "hidden must have at most 64 numbers");
    ck_assert_int_eq(gan_options_int_list(options, "hidden", NULL), GAN_OPTION_LIST_MAX);

    memset(text, 'x', 5000);
    text[5000] = '\0';
    ck_assert_int_eq(gan_options_set(options, "name", text, &message), GAN_ERROR_OPTION);
    ck_assert_str_eq(message.text, "name must have at most 4096 characters, but has 5000");
    /* A long wrong value is cut in the sentence, not in the middle of a character. */
    text[0] = '\0';
    for (int i = 0; i < 60; i++)
        strcat(text, "é");
    ck_assert_int_eq(gan_options_set(options, "latent", text, &message), GAN_ERROR_OPTION);
    ck_assert_uint_lt(strlen(message.text), 200);
    ck_assert_ptr_nonnull(strstr(message.text, "é...\""));

    char tiny[4];
    ck_assert_str_eq(gan_options_text(options, "name", tiny, sizeof tiny), "a r");
}
END_TEST

START_TEST(unknown_names_get_help)
{
    refused("latnt", "1", "there is no option \"latnt\"; did you mean \"latent\"?");
    refused("Latent", "1", "there is no option \"Latent\"; did you mean \"latent\"?");
    refused("quarks", "1", "there is no option \"quarks\"");
    refused("", "1", "there is no option \"\"");
    ck_assert_int_eq(gan_options_set(options, NULL, "1", &message), GAN_ERROR_ARGUMENT);
    /* Reading a wrong name or a wrong type gives zero. */
    ck_assert_int_eq(gan_options_int(options, "lr"), 0);
    ck_assert_double_eq(gan_options_float(options, "latent"), 0);
    ck_assert_str_eq(gan_options_string(options, "hidden"), "");
    ck_assert_int_eq(gan_options_int(options, "latnt"), 0);
    ck_assert_int_eq(gan_options_int_list(options, "lr", NULL), 0);
}
END_TEST

START_TEST(nearest_name)
{
    static const char *const names[] = {"batch", "kimg", "snapshot_kimg", "lr", "seed", NULL};
    ck_assert_str_eq(gan_nearest_name("bacth", names), "batch"); /* a swap is one mistake */
    ck_assert_str_eq(gan_nearest_name("kim", names), "kimg");
    ck_assert_str_eq(gan_nearest_name("snapshot-img", names), "snapshot_kimg");
    ck_assert_str_eq(gan_nearest_name("SEED", names), "seed");
    ck_assert_str_eq(gan_nearest_name("rl", names), "lr");
    ck_assert_ptr_null(gan_nearest_name("xy", names));
    ck_assert_ptr_null(gan_nearest_name("epochs", names));
    ck_assert_ptr_null(gan_nearest_name("", names));
    ck_assert_ptr_null(gan_nearest_name(NULL, names));
    ck_assert_ptr_null(gan_nearest_name("x", NULL));
    char longer[200];
    memset(longer, 'b', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert_ptr_null(gan_nearest_name(longer, names));
}
END_TEST

START_TEST(wrong_tables_are_refused)
{
    static const gan_option wrong[][3] = {
        {{"a", GAN_OPTION_INT, "1", 0, 0, NULL, ""}, {"a", GAN_OPTION_INT, "1", 0, 0, NULL, ""}, {0}},
        {{"a", GAN_OPTION_INT, "x", 0, 0, NULL, ""}, {0}},
        {{"a", GAN_OPTION_INT, NULL, 0, 0, NULL, ""}, {0}},
        {{"a", GAN_OPTION_INT, "9", 1, 8, NULL, ""}, {0}},
        {{"a", GAN_OPTION_INT, "9", 8, 1, NULL, ""}, {0}},
        {{"a", GAN_OPTION_CHOICE, "x", 0, 0, NULL, ""}, {0}},
        {{"a", GAN_OPTION_CHOICE, "x", 0, 0, "y|z", ""}, {0}},
        {{"a", (gan_option_type)99, "x", 0, 0, NULL, ""}, {0}},
    };
    static const char *const said[] = {"\"a\" twice", "wrong default", "no default",       "wrong default",
                                       "wrong range", "no choices",    "a must be y or z", "unknown type 99"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        ck_assert_ptr_null(gan_options_create(wrong[i], &message));
        ck_assert_msg(strstr(message.text, said[i]), "%s", message.text);
    }
    gan_options *none = gan_options_create(NULL, &message);
    ck_assert_ptr_nonnull(none);
    ck_assert_ptr_null(gan_options_table(none)->name);
    gan_options_destroy(none);
}
END_TEST

START_TEST(locale_changes_nothing)
{
    static const char *const decimal_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "da_DK.UTF-8"};
    const char *found = NULL;
    for (size_t i = 0; i < 4 && !found; i++)
        found = setlocale(LC_ALL, decimal_comma[i]);
    if (!found)
        printf("locale_changes_nothing: no locale with a decimal comma is installed; only \"C\" is tried\n");
    accepted("lr", "0.25", "0.25");
    setlocale(LC_ALL, "C");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("options");
    TCase *c = tcase_create("options");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, defaults_are_the_tables);
    tcase_add_test(c, values_are_read);
    tcase_add_test(c, wrong_values_are_refused);
    tcase_add_test(c, caps_hold);
    tcase_add_test(c, unknown_names_get_help);
    tcase_add_test(c, nearest_name);
    tcase_add_test(c, wrong_tables_are_refused);
    tcase_add_test(c, locale_changes_nothing);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return test_main(suite());
}
