/* Batches of two domains: what comes beside what, and where a sequence goes on. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define BATCH 4
#define SIDE  16
#define BYTES (BATCH * SIDE * SIDE * 3)

static gan_message message;

/* A session of the same images twice, `count_a` and `count_b` of them. */
static session open_session(plugin *p, int64_t count_a, int64_t count_b)
{
    session s = {.plugin = p};
    gan_data_options options = {
        .struct_size = sizeof options, .source = "builtin:faces", .resolution = SIDE, .seed = 1};
    p->table = (gan_plugin){.id = "pairs", .needs = GAN_NEEDS_TWO_DOMAINS};
    ck_assert_int_eq(config_create(p, &s.config, &message), GAN_OK);
    options.builtin_count = count_a;
    ck_assert_int_eq(gan_dataset_open(&options, &s.data, &message), GAN_OK);
    options.builtin_count = count_b;
    ck_assert_int_eq(gan_dataset_open(&options, &s.data_b, &message), GAN_OK);
    s.info = *gan_dataset_info(s.data);
    return s;
}

static void close_session(session *s)
{
    gan_dataset_close(s->data);
    gan_dataset_close(s->data_b);
    config_free(&s->config);
}

static void take(loaders *l, int domain, uint8_t out[BYTES])
{
    gan_host_batch batch;
    ck_assert_int_eq(gan_loader_next(l->of[domain], &batch, &message), GAN_OK);
    ck_assert_int_eq(batch.n, BATCH);
    memcpy(out, batch.pixels, BYTES);
}

START_TEST(domains_are_shown_unpaired)
{
    plugin p = {0};
    session s = open_session(&p, 64, 64);
    loaders l;
    uint8_t a[BYTES], b[BYTES];
    size_t image = BYTES / BATCH;
    int pairs = 0;
    ck_assert_int_eq(plan_open_loaders(&s, &(plan){BATCH, SIDE}, 0, &l, &message), GAN_OK);
    for (int i = 0; i < 16; i++) { /* an epoch */
        take(&l, 0, a);
        take(&l, 1, b);
        for (size_t j = 0; j < BATCH; j++)
            pairs += memcmp(a + j * image, b + j * image, image) == 0;
    }
    ck_assert_int_lt(pairs, 8); /* one is expected by chance */
    plan_close_loaders(&l);
    ck_assert_ptr_null(l.of[0]);
    close_session(&s);
}
END_TEST

static void read_image(const gan_dataset *data, int64_t index, uint8_t out[BYTES])
{
    ck_assert_int_eq(gan_dataset_get(data, index, out, NULL, &message), GAN_OK);
}

/* Image `index` of a builtin source. */
static void draw(const char *source, uint64_t seed, int64_t index, uint8_t out[BYTES])
{
    gan_dataset *data;
    gan_data_options options = {.struct_size = sizeof options, .source = source, .resolution = SIDE, .seed = seed};
    ck_assert_int_eq(gan_dataset_open(&options, &data, &message), GAN_OK);
    read_image(data, index, out);
    gan_dataset_close(data);
}

START_TEST(drawn_counterparts_are_held_out_and_not_trained_on)
{
    static const char *const values[] = {"data.source=builtin:faces", "data.resolution=16", "data.count=20", "seed=7",
                                         "data.crop=random",          "data.enlarge=1.5"};
    plugin p = {.table = {.id = "pairs", .needs = GAN_NEEDS_TWO_DOMAINS}};
    session s = {.plugin = &p};
    uint8_t got[BYTES], wanted[BYTES];
    ck_assert_int_eq(config_create(&p, &s.config, &message), GAN_OK);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        ck_assert_msg(config_set_pair(&s.config, values[i], &message) == GAN_OK, "%s", message.text);
    ck_assert_msg(session_open_data(&s, NULL, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_eq(s.info.count, 20);
    ck_assert_int_eq(s.count_b, 20);
    ck_assert_str_eq(s.info.name, "faces-sketches");
    ck_assert(s.counterparts);
    uint64_t held_out = session_domain_seed(7, 0, true);
    for (int i = 0; i < 64; i += 21) {
        read_image(s.held[0], i, got);
        draw("builtin:faces", held_out, i, wanted);
        ck_assert_mem_eq(got, wanted, BYTES / BATCH);
        read_image(s.held[1], i, got);
        draw("builtin:sketches", held_out, i, wanted);
        ck_assert_mem_eq(got, wanted, BYTES / BATCH);
    }
    close_session(&s);
    for (int i = 0; i < 2; i++)
        gan_dataset_close(s.held[i]);
}
END_TEST

START_TEST(a_position_is_one_of_both)
{
    plugin p = {0};
    session s = open_session(&p, 9, 23); /* each begins epochs of its own */
    loaders l;
    uint8_t first[2][8][BYTES], again[BYTES];
    ck_assert_int_eq(plan_open_loaders(&s, &(plan){BATCH, SIDE}, 0, &l, &message), GAN_OK);
    for (int i = 0; i < 8; i++)
        for (int domain = 0; domain < 2; domain++)
            take(&l, domain, first[domain][i]);
    ck_assert_uint_eq(plan_position(&l), 8 * BATCH);
    plan_close_loaders(&l);
    ck_assert_int_eq(plan_open_loaders(&s, &(plan){BATCH, SIDE}, 5 * BATCH, &l, &message), GAN_OK);
    for (int i = 5; i < 8; i++)
        for (int domain = 0; domain < 2; domain++) {
            take(&l, domain, again);
            ck_assert_mem_eq(again, first[domain][i], BYTES);
        }
    plan_close_loaders(&l);
    close_session(&s);
}
END_TEST

START_TEST(a_batch_that_one_domain_cannot_fill_is_refused)
{
    plugin p = {0};
    session s = open_session(&p, 64, 3);
    loaders l;
    ck_assert_int_eq(plan_open_loaders(&s, &(plan){BATCH, SIDE}, 0, &l, &message), GAN_ERROR_ARGUMENT);
    ck_assert_msg(strstr(message.text, "which has 3 samples") != NULL, "%s", message.text);
    ck_assert_ptr_null(l.of[0]);
    close_session(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("domains");
    TCase *tests = tcase_create("batches");
    tcase_add_test(tests, domains_are_shown_unpaired);
    tcase_add_test(tests, drawn_counterparts_are_held_out_and_not_trained_on);
    tcase_add_test(tests, a_position_is_one_of_both);
    tcase_add_test(tests, a_batch_that_one_domain_cannot_fill_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
