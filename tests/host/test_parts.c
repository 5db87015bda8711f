/* Parts of the host that work on plain values: texts, stamps, statistics, options as text. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"
#include "config.h"
#include "console.h"
#include "report.h"
#include "run.h"
#include "train.h"
#include "values.h"

START_TEST(durations_bytes_and_groups)
{
    char out[32];
    ck_assert_str_eq(text_duration(0, out), "0:00");
    ck_assert_str_eq(text_duration(59.6, out), "1:00");
    ck_assert_str_eq(text_duration(3723, out), "1:02:03");
    ck_assert_str_eq(text_duration(-1, out), "-:--");
    ck_assert_str_eq(text_duration(NAN, out), "-:--");
    ck_assert_str_eq(text_bytes(1023, out), "1023 bytes");
    ck_assert_str_eq(text_bytes(1536, out), "1.5 KiB");
    ck_assert_str_eq(text_grouped(0, out), "0");
    ck_assert_str_eq(text_grouped(999, out), "999");
    ck_assert_str_eq(text_grouped(1234567, out), "1,234,567");
    ck_assert_str_eq(text_grouped(-1234, out), "-1,234");
}
END_TEST

START_TEST(stems)
{
    ck_assert_uint_eq(text_stem("a.png"), 1);
    ck_assert_uint_eq(text_stem("a.b/c.d.jpeg"), 7);
    ck_assert_uint_eq(text_stem("a.b/c"), 5);
    ck_assert_uint_eq(text_stem("a.b/.png"), 8); /* hidden, with no ending */
    ck_assert_uint_eq(text_stem(".png"), 4);
    ck_assert_uint_eq(text_stem(""), 0);
}
END_TEST

START_TEST(terminals_have_nothing_to_obey)
{
    char line[] = "a\033[31m\r\n\t\177\xc2\x9b\xc2\xa0\xc3\xa4\xc2", lines[] = "a\nb\033\n";
    text_plain(line, false);
    ck_assert_str_eq(line, "a?[31m??????\xc2\xa0\xc3\xa4\xc2");
    text_plain(lines, true);
    ck_assert_str_eq(lines, "a\nb?\n");
}
END_TEST

START_TEST(utf8)
{
    ck_assert(text_is_utf8("plain, \xc3\xa4, \xe2\x82\xac, \xf0\x9f\x98\x80"));
    ck_assert(!text_is_utf8("\xff"));
    ck_assert(!text_is_utf8("\xc0\x80"));         /* overlong */
    ck_assert(!text_is_utf8("\xe0\x80\x80"));     /* overlong */
    ck_assert(!text_is_utf8("\xed\xa0\x80"));     /* half of a surrogate pair */
    ck_assert(!text_is_utf8("\xf4\x90\x80\x80")); /* beyond the last character */
    ck_assert(!text_is_utf8("\xe2\x82"));         /* cut */
}
END_TEST

START_TEST(stamps_go_there_and_back)
{
    static const struct {
        int64_t images;
        const char *stamp;
    } rows[] = {
        {0, "000000"}, {200000, "000200"}, {200064, "000200_064"}, {7, "000000_007"}, {1234567890, "1234567_890"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[32], name[64];
        const char *end;
        ck_assert_str_eq(run_stamp(rows[i].images, out), rows[i].stamp);
        snprintf(name, sizeof name, "%s.png", rows[i].stamp);
        ck_assert_int_eq(run_parse_stamp(name, &end), rows[i].images);
        ck_assert_str_eq(end, ".png");
    }
    const char *end;
    ck_assert_int_eq(run_parse_stamp("12.png", &end), -1);
    ck_assert_int_eq(run_parse_stamp("mnist.png", &end), -1);
}
END_TEST

START_TEST(statistics_go_there_and_back)
{
    stats_line line = {.images = 123456, .step = 789, .seconds = 1.5, .images_per_second = 1000, .lr = 0.0002, .n = 3};
    static const char *const names[] = {"d_loss", "D(G(z))", "a \"quoted\\ name\""};
    for (int i = 0; i < 3; i++) {
        strcpy(line.metric[i].name, names[i]);
        line.metric[i].value = -0.5 * i;
    }
    text json = {0};
    stats_format(&line, &json);
    ck_assert(!json.failed);
    ck_assert_int_eq(json.data[json.size - 1], '\n');
    json.data[json.size - 1] = '\0';
    stats_line read;
    ck_assert(stats_parse(json.data, &read));
    ck_assert_int_eq(read.images, 123456);
    ck_assert_int_eq(read.step, 789);
    ck_assert_int_eq(read.n, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(read.metric[i].name, names[i]);
        ck_assert_double_eq(read.metric[i].value, -0.5 * i);
    }
    for (size_t cut = 0; cut + 2 < json.size; cut++) { /* no torn line is taken for a whole one */
        char *torn = strndup(json.data, cut);
        ck_assert(!stats_parse(torn, &read));
        free(torn);
    }
    free(json.data);
}
END_TEST

START_TEST(histories_have_gaps_where_a_metric_was_not_reported)
{
    history h = {0};
    for (int i = 0; i < 1000; i++) {
        stats_line line = {.images = 1000 * i, .n = 1};
        strcpy(line.metric[0].name, i < 600 ? "early" : "late");
        line.metric[0].value = i;
        ck_assert(history_add(&h, &line));
    }
    ck_assert_int_eq(h.rows, 1000);
    ck_assert_int_eq(h.n, 2);
    ck_assert_double_eq(h.kimg[999], 999);
    ck_assert_double_eq(h.value[0][599], 599);
    ck_assert(isnan(h.value[0][600]));
    ck_assert(isnan(h.value[1][599]));
    ck_assert_double_eq(h.value[1][999], 999);
    history_free(&h);
}
END_TEST

/* A plugin that reports all that it may leaves room for them. */
START_TEST(distances_are_kept_beside_every_metric)
{
    history h = {0};
    stats_line line = {.images = 1000, .n = GAN_METRICS_MAX}, parsed;
    gan_swd_result distance = {.levels = GAN_SWD_LEVELS_MAX, .mean = 20};
    for (int i = 0; i < line.n; i++)
        snprintf(line.metric[i].name, METRIC_NAME_SIZE, "metric %d", i);
    ck_assert(history_add(&h, &line));
    for (int i = 0; i < distance.levels; i++) {
        distance.resolution[i] = 4096 >> i;
        distance.distance[i] = 10 + i;
    }
    line.n = 0;
    stats_add_distance(&line, &distance);
    text json = {0};
    stats_format(&line, &json);
    json.data[json.size - 1] = '\0';
    ck_assert_msg(strstr(json.data, "{\"swd\": 20, \"swd_4096\": 10, \"swd_2048\": 11, ") != NULL, "%s", json.data);
    ck_assert(stats_parse(json.data, &parsed));
    ck_assert_int_eq(parsed.n, GAN_SWD_LEVELS_MAX + 1);
    ck_assert(history_add(&h, &parsed));
    ck_assert_int_eq(h.n, HISTORY_MAX);
    ck_assert_str_eq(h.name[HISTORY_MAX - 1], "swd_16");
    ck_assert_double_eq(h.value[HISTORY_MAX - 1][1], 18);
    ck_assert(isnan(h.value[HISTORY_MAX - 1][0]) && isnan(h.value[0][1]));
    free(json.data);
    history_free(&h);
}
END_TEST

START_TEST(errors_of_translations_are_named)
{
    stats_line line = {.images = 1000};
    translation_errors errors = {.cycle = {0.5, 0.25}, .error = {0.125, 1}, .counterparts = true};
    text json = {0};
    stats_add_translations(&line, &errors);
    stats_format(&line, &json);
    ck_assert_msg(strstr(json.data, "{\"test_cycle_a\": 0.5, \"test_cycle_b\": 0.25, \"test_error_ab\": 0.125, "
                                    "\"test_error_ba\": 1}}") != NULL,
                  "%s", json.data);
    free(json.data);
    line.n = 0;
    errors.counterparts = false;
    errors.cycle[0] = NAN; /* which JSON cannot say */
    stats_add_translations(&line, &errors);
    ck_assert_int_eq(line.n, 1);
    ck_assert_str_eq(line.metric[0].name, "test_cycle_b");
}
END_TEST

START_TEST(domains_have_seeds_of_their_own)
{
    static const uint64_t seeds[] = {0, 1, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        uint64_t a = session_domain_seed(seeds[i], 0, false), b = session_domain_seed(seeds[i], 1, false);
        uint64_t held = session_domain_seed(seeds[i], 0, true);
        ck_assert_uint_eq(a, seeds[i]); /* as of one domain */
        ck_assert_uint_eq(held, session_domain_seed(seeds[i], 1, true));
        ck_assert(a != b && a != held && b != held);
        ck_assert(b > UINT32_MAX && held > UINT32_MAX); /* no other run's */
    }
}
END_TEST

START_TEST(averages_by_name)
{
    averages a = {0};
    averages_add(&a, "x", 1);
    averages_add(&a, "y", 5);
    averages_add(&a, "x", 2);
    ck_assert_int_eq(a.n, 2);
    ck_assert_double_eq(a.of[0].sum / a.of[0].count, 1.5);
    averages_reset(&a);
    ck_assert_double_eq(a.of[1].count, 0);
    ck_assert_str_eq(a.of[1].name, "y");
    for (int i = 0; i < 2 * GAN_METRICS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        averages_add(&a, name, 1);
    }
    ck_assert_int_eq(a.n, GAN_METRICS_MAX);
}
END_TEST

START_TEST(the_bar_fits_the_terminal)
{
    bar b = {.fraction = 0.5,
             .kimg = 500,
             .kimg_total = 1000,
             .images_per_second = 1234,
             .seconds_left = 61,
             .metrics = "d_loss 1.234  g_loss 0.567"};
    char out[512];
    bar_format(&b, 120, out, sizeof out);
    ck_assert_str_eq(
        out, "[============>           ]  50 %  500.0/1000 kimg  1234 images/s  1:01 left  d_loss 1.234  g_loss 0.567");
    for (int width = 1; width < 200; width++) {
        bar_format(&b, width, out, sizeof out);
        ck_assert_uint_lt(strlen(out), (size_t)(width > 1 ? width : 2));
    }
    bar_format(&b, 82, out, sizeof out);
    ck_assert_ptr_nonnull(strstr(out, "d_loss 1.234"));
    ck_assert_ptr_null(strstr(out, "g_loss"));
    b.kimg_total = 0;
    b.fraction = 7;
    bar_format(&b, 120, out, sizeof out);
    ck_assert_ptr_nonnull(strstr(out, "[========================] 100 %  500.0 kimg"));
    b = (bar){.fraction = 0.2, .seconds_left = 4, .metrics = "", .counts = "12/60 frames  12.0 frames/s"};
    bar_format(&b, 120, out, sizeof out);
    ck_assert_str_eq(out, "[====>                   ]  20 %  12/60 frames  12.0 frames/s  0:04 left  ");
}
END_TEST

/* Along a quarter of the unit circle in equal angles; between lengths; where there is no circle. */
START_TEST(between_two_vectors)
{
    const float a[] = {1, 0, 0}, b[] = {0, 0, 1}, twice[] = {2, 0, 0}, back[] = {-1, 0, 0}, zero[3] = {0};
    float out[3];
    for (int i = 0; i <= 8; i++) {
        between_spherical(a, b, i / 8.0, 3, out);
        ck_assert_double_eq_tol((double)out[0], cos(i * M_PI / 16), 1e-7);
        ck_assert_double_eq_tol((double)out[2], sin(i * M_PI / 16), 1e-7);
        between_linear(a, b, i / 8.0, 3, out);
        ck_assert_double_eq((double)out[0], 1 - i / 8.0);
        ck_assert_double_eq((double)out[2], i / 8.0);
    }
    const float *const pairs[][2] = {{a, b}, {a, twice}, {a, back}, {a, zero}, {zero, zero}};
    for (int i = 0; i < 5; i++) {
        between_spherical(pairs[i][0], pairs[i][1], 0, 3, out);
        ck_assert_mem_eq(out, pairs[i][0], sizeof out);
        between_spherical(pairs[i][0], pairs[i][1], 1, 3, out);
        for (int k = 0; k < 3; k++)
            ck_assert_double_eq((double)out[k], (double)pairs[i][1][k]);
        between_spherical(pairs[i][0], pairs[i][1], 0.5, 3, out);
        ck_assert(isfinite(out[0]) && isfinite(out[1]) && isfinite(out[2]));
    }
    between_spherical(a, twice, 0.25, 3, out);
    ck_assert_double_eq((double)out[0], 1.25);
}
END_TEST

/* ---- values of options ---- */

START_TEST(numbers)
{
    gan_message message;
    int64_t n = 7;
    double x = 7;
    ck_assert_int_eq(value_int("frames", "2", 2, 5, &n, &message), GAN_OK);
    ck_assert_int_eq(n, 2);
    static const char *const wrong[] = {"", "x", "1", "6", "3x", "3.5", "99999999999999999999", "-"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(value_int("frames", wrong[i], 2, 5, &n, &message), GAN_ERROR_OPTION);
    ck_assert_str_eq(message.text, "--frames must be from 2 to 5, but is \"-\"");
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(value_float("trunc", "-0.7", -1, 1, &x, &message), GAN_OK);
    ck_assert_double_eq(x, -0.7);
    static const char *const not_real[] = {"", "x", "1.01", "nan", "inf", "0.5x"};
    for (size_t i = 0; i < sizeof not_real / sizeof not_real[0]; i++)
        ck_assert_int_eq(value_float("trunc", not_real[i], -1, 1, &x, &message), GAN_ERROR_OPTION);
    ck_assert_double_eq(x, -0.7);
}
END_TEST

START_TEST(seeds)
{
    static const uint64_t wanted[] = {3, 7, 8, 9, 18446744073709551615u};
    gan_message message;
    uint64_t *list = NULL;
    int64_t n = 0;
    ck_assert_int_eq(value_seeds("seeds", "3,7-9,18446744073709551615", 5, &list, &n, &message), GAN_OK);
    ck_assert_int_eq(n, 5);
    ck_assert_mem_eq(list, wanted, sizeof wanted);
    free(list);
    static const char *const wrong[] = {
        "",   ",",  "1,", "-1",  "2-1", "1-", "0-5", "0-4,5", "0-18446744073709551615", "18446744073709551616",
        "1 ", " 1", "+1", "1--2"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        list = NULL;
        ck_assert_int_eq(value_seeds("seeds", wrong[i], 5, &list, &n, &message), GAN_ERROR_OPTION);
        ck_assert_ptr_null(list);
    }
    ck_assert_int_eq(n, 5);
}
END_TEST

START_TEST(ranges_of_layers)
{
    gan_message message;
    layer_range ranges[VALUE_RANGES_MAX];
    int n = 0;
    ck_assert_int_eq(value_layers("layers", "0-3,5,6-", 14, ranges, &n, &message), GAN_OK);
    ck_assert_int_eq(n, 3);
    ck_assert(ranges[0].first == 0 && ranges[0].last == 3);
    ck_assert(ranges[1].first == 5 && ranges[1].last == 5);
    ck_assert(ranges[2].first == 6 && ranges[2].last == 13);
    static const char *const wrong[] = {
        "", "14", "0-14", "14-", "3-2", "1,", ",1", "-1", "x", "1-x", "0-18446744073709551616"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(value_layers("layers", wrong[i], 14, ranges, &n, &message), GAN_ERROR_OPTION);
    ck_assert_ptr_nonnull(strstr(message.text, "this generator's 14 layers, 0 to 13"));
    char many[4 * VALUE_RANGES_MAX] = "0";
    for (int i = 1; i < VALUE_RANGES_MAX; i++)
        strcat(many, ",0");
    ck_assert_int_eq(value_layers("layers", many, 14, ranges, &n, &message), GAN_OK);
    ck_assert_int_eq(n, VALUE_RANGES_MAX);
    strcat(many, ",0");
    ck_assert_int_eq(value_layers("layers", many, 14, ranges, &n, &message), GAN_ERROR_OPTION);
}
END_TEST

START_TEST(wrapped_text)
{
    text t = {0};
    text_wrap(&t, "# ", 12, "one two three  four\nfive");
    ck_assert_str_eq(t.data, "# one two\n# three four\n# five\n");
    free(t.data);
}
END_TEST

START_TEST(host_table_is_sound)
{
    gan_message message = {{0}};
    gan_options *options = gan_options_create(config_host_table, &message);
    ck_assert_msg(options != NULL, "%s", message.text);
    for (const gan_option *row = config_host_table; row->name; row++) {
        ck_assert_msg(row->help && row->help[strlen(row->help) - 1] == '.', "%s has no sentence of help", row->name);
        text t = {0};
        config_type_text(row, &t);
        ck_assert(t.size > 0 && !t.failed);
        free(t.data);
    }
    gan_options_destroy(options);
}
END_TEST

START_TEST(running_medians)
{
    const double v[7] = {5, 1, NAN, 100, 2, 3, INFINITY}, expected[7] = {3, 3, 50.5, 51, 3, 2.5, 3};
    double x[7] = {0, 1, 2, 3, 4, 5, 6}, out[7];
    ck_assert(report_median(x, v, 7, 1, out));
    for (int i = 0; i < 7; i++)
        ck_assert_double_eq(out[i], expected[i]);
    ck_assert(report_median(x, v, 1, 100, out)); /* a window wider than the run */
    ck_assert_double_eq(out[0], 5);
    const double uneven[7] = {0, 10, 20, 21, 22, 23, 24}; /* many reports in a short time do not outvote the rest */
    ck_assert(report_median(uneven, (const double[]){9, 8, 7, 1, 1, 1, 1}, 7, 5, out));
    ck_assert(out[0] == 9 && out[1] == 8 && out[2] == 1);
    const double none[2] = {NAN, NAN};
    ck_assert(report_median(x, none, 2, 3, out));
    ck_assert(isnan(out[0]) && isnan(out[1]));
}
END_TEST

START_TEST(averages_ramp_up)
{
    ck_assert_double_eq(train_ema_beta(10000, 0, 0, 64), gan_ema_beta(64, 10000));
    ck_assert_double_eq(train_ema_beta(10000, 0.05, 0, 64), 0); /* nothing but the new weights */
    ck_assert_double_eq(train_ema_beta(10000, 0.05, 1280, 1344), 0.5);
    ck_assert_double_eq(train_ema_beta(10000, 0.05, 640, 704), 0.25);
    ck_assert_double_eq(train_ema_beta(10000, 0.05, 200000, 200064), gan_ema_beta(64, 10000));
    ck_assert_double_eq(train_ema_beta(10000, 0.05, 10000000, 10000064), gan_ema_beta(64, 10000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *tests = tcase_create("parts");
    tcase_add_test(tests, durations_bytes_and_groups);
    tcase_add_test(tests, stems);
    tcase_add_test(tests, terminals_have_nothing_to_obey);
    tcase_add_test(tests, utf8);
    tcase_add_test(tests, stamps_go_there_and_back);
    tcase_add_test(tests, statistics_go_there_and_back);
    tcase_add_test(tests, histories_have_gaps_where_a_metric_was_not_reported);
    tcase_add_test(tests, distances_are_kept_beside_every_metric);
    tcase_add_test(tests, errors_of_translations_are_named);
    tcase_add_test(tests, domains_have_seeds_of_their_own);
    tcase_add_test(tests, averages_by_name);
    tcase_add_test(tests, the_bar_fits_the_terminal);
    tcase_add_test(tests, between_two_vectors);
    tcase_add_test(tests, numbers);
    tcase_add_test(tests, seeds);
    tcase_add_test(tests, ranges_of_layers);
    tcase_add_test(tests, averages_ramp_up);
    tcase_add_test(tests, running_medians);
    tcase_add_test(tests, wrapped_text);
    tcase_add_test(tests, host_table_is_sound);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
