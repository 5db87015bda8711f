/* Animated PNG files: their chunks are those of the specification, each image comes back, and a file is whole or not
 * there. */
#include "../support.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#define PATH "animation.png"

static gan_message message;
static char folder[512];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder("apng"));
    ck_assert_int_eq(chdir(folder), 0);
}

static void teardown(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

typedef struct chunk {
    char type[5];
    const uint8_t *data;
    uint32_t size;
} chunk;

typedef struct parsed {
    uint8_t *bytes;
    size_t size;
    chunk chunks[256];
    int n;
} parsed;

static uint32_t get32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static parsed parse(const char *path)
{
    parsed p = {0};
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    p.bytes = malloc(1 << 20);
    p.size = fread(p.bytes, 1, 1 << 20, file);
    fclose(file);
    ck_assert_mem_eq(p.bytes, "\x89PNG\r\n\x1a\n", 8);
    for (size_t at = 8; at < p.size; p.n++) {
        ck_assert_int_lt(p.n, 256);
        ck_assert_uint_le(at + 12, p.size);
        chunk *c = &p.chunks[p.n];
        c->size = get32(p.bytes + at);
        ck_assert_uint_le(c->size, p.size - at - 12);
        memcpy(c->type, p.bytes + at + 4, 4);
        c->data = p.bytes + at + 8;
        ck_assert_uint_eq(get32(c->data + c->size), crc32(0, c->data - 4, c->size + 4));
        at += 12 + c->size;
    }
    return p;
}

static gan_image picture(int64_t width, int64_t height, int channels, unsigned seed)
{
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    for (int64_t i = 0; i < width * height * channels; i++) {
        seed = seed * 1664525u + 1013904223u;
        image.pixels[i] = (uint8_t)(seed >> 24);
    }
    return image;
}

static void write_animation(const gan_apng_options *options, int64_t width, int64_t height, int channels, unsigned n)
{
    gan_apng *animation;
    unlink(PATH);
    ck_assert_int_eq(gan_apng_create(PATH, options, &animation, &message), GAN_OK);
    for (unsigned i = 0; i < n; i++) {
        gan_image image = picture(width, height, channels, i);
        ck_assert_int_eq(gan_apng_add(animation, &image, &message), GAN_OK);
        ck_assert_int_eq(gan_apng_count(animation), i + 1);
        gan_image_free(&image);
    }
    ck_assert_int_ne(access(PATH, F_OK), 0);
    ck_assert_int_eq(gan_apng_commit(animation, &message), GAN_OK);
}

/* ---- tests ---- */

/* In the order and with the values that the specification asks for. */
START_TEST(chunks)
{
    write_animation(&(gan_apng_options){.struct_size = sizeof(gan_apng_options), .fps = 25, .plays = 3}, 7, 5, 3, 3);
    parsed p = parse(PATH);
    static const char *const types[] = {"IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "fcTL", "fdAT", "IEND"};
    ck_assert_int_eq(p.n, 9);
    for (int i = 0; i < 9; i++)
        ck_assert_str_eq(p.chunks[i].type, types[i]);
    ck_assert_uint_eq(p.chunks[1].size, 8);
    ck_assert_uint_eq(get32(p.chunks[1].data), 3);
    ck_assert_uint_eq(get32(p.chunks[1].data + 4), 3);
    for (uint32_t i = 0, sequence = 0; i < 3; i++) {
        static const uint8_t rest[] = {0, 1, 0, 25, 0, 0}; /* 1/25 s, dispose none, blend source */
        const chunk *control = &p.chunks[2 + 2 * i], *data = control + 1;
        ck_assert_uint_eq(control->size, 26);
        ck_assert_uint_eq(get32(control->data), sequence++);
        ck_assert_uint_eq(get32(control->data + 4), 7);
        ck_assert_uint_eq(get32(control->data + 8), 5);
        ck_assert_uint_eq(get32(control->data + 12), 0);
        ck_assert_uint_eq(get32(control->data + 16), 0);
        ck_assert_mem_eq(control->data + 20, rest, 6);
        if (i > 0)
            ck_assert_uint_eq(get32(data->data), sequence++);
    }
    free(p.bytes);
}
END_TEST

/* Append a chunk to a file in memory. */
static size_t put_chunk(uint8_t *out, const char *type, const uint8_t *data, uint32_t size)
{
    uint8_t length[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(out, length, 4);
    memcpy(out + 4, type, 4);
    memcpy(out + 8, data, size);
    uint32_t sum = (uint32_t)crc32(0, out + 4, size + 4);
    uint8_t end[4] = {(uint8_t)(sum >> 24), (uint8_t)(sum >> 16), (uint8_t)(sum >> 8), (uint8_t)sum};
    memcpy(out + 8 + size, end, 4);
    return 12 + size;
}

/* A PNG file of frame `index`, put together as a player does it. */
static gan_image frame(const parsed *p, int index)
{
    static const uint8_t nothing;
    uint8_t *file = malloc(p->size + 4096);
    size_t size = 8;
    int at = -1;
    memcpy(file, p->bytes, 8);
    size += put_chunk(file + size, "IHDR", p->chunks[0].data, p->chunks[0].size);
    for (int i = 0; i < p->n; i++) {
        const chunk *c = &p->chunks[i];
        at += strcmp(c->type, "fcTL") == 0;
        if (at == index && strcmp(c->type, "IDAT") == 0)
            size += put_chunk(file + size, "IDAT", c->data, c->size);
        if (at == index && strcmp(c->type, "fdAT") == 0)
            size += put_chunk(file + size, "IDAT", c->data + 4, c->size - 4);
    }
    size += put_chunk(file + size, "IEND", &nothing, 0);
    gan_image image;
    ck_assert_msg(gan_image_decode(file, size, "a frame", &image, &message) == GAN_OK, "%s", message.text);
    free(file);
    return image;
}

/* Noise does not compress: the larger images come in several IDAT chunks. */
START_TEST(images_come_back)
{
    static const int64_t sides[] = {1, 9, 120};
    for (int s = 0; s < 3; s++)
        for (int channels = 1; channels <= 3; channels += 2) {
            write_animation(NULL, sides[s], sides[s] + 1, channels, 4);
            parsed p = parse(PATH);
            ck_assert(sides[s] < 120 || p.n > 3 + 2 * 4);
            for (int i = 0; i < 4; i++) {
                gan_image wanted = picture(sides[s], sides[s] + 1, channels, (unsigned)i), found = frame(&p, i);
                ck_assert_int_eq(found.width, wanted.width);
                ck_assert_int_eq(found.height, wanted.height);
                ck_assert_int_eq(found.channels, wanted.channels);
                ck_assert_mem_eq(found.pixels, wanted.pixels, (size_t)(wanted.width * wanted.height * channels));
                gan_image_free(&wanted);
                gan_image_free(&found);
            }
            /* Who does not know of animations sees the first. */
            gan_image first, wanted = picture(sides[s], sides[s] + 1, channels, 0);
            ck_assert_int_eq(gan_png_read(PATH, &first, &message), GAN_OK);
            ck_assert_mem_eq(first.pixels, wanted.pixels, (size_t)(wanted.width * wanted.height * channels));
            gan_image_free(&first);
            gan_image_free(&wanted);
            free(p.bytes);
        }
}
END_TEST

START_TEST(delays)
{
    static const struct {
        double fps;
        int numerator, denominator;
    } cases[] = {{0, 1, 30}, {1, 1, 1}, {1000, 1, 1000}, {0.1, 60, 6}, {12.5, 60, 750}, {999.5, 60, 59970}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_animation(&(gan_apng_options){.struct_size = sizeof(gan_apng_options), .fps = cases[i].fps}, 2, 2, 1, 1);
        parsed p = parse(PATH);
        const uint8_t *delay = p.chunks[2].data + 20;
        ck_assert_int_eq(delay[0] << 8 | delay[1], cases[i].numerator);
        ck_assert_int_eq(delay[2] << 8 | delay[3], cases[i].denominator);
        free(p.bytes);
    }
    static const double wrong[] = {-1, 0.01, 1001, 1e300};
    gan_apng *animation = NULL;
    for (int i = 0; i < 4; i++) {
        gan_apng_options options = {.struct_size = sizeof options, .fps = wrong[i]};
        ck_assert_int_eq(gan_apng_create(PATH, &options, &animation, &message), GAN_ERROR_ARGUMENT);
    }
    gan_apng_options negative = {.struct_size = sizeof negative, .plays = -1};
    ck_assert_int_eq(gan_apng_create(PATH, &negative, &animation, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_apng_create(NULL, NULL, &animation, &message), GAN_ERROR_ARGUMENT);
    ck_assert_ptr_null(animation);
}
END_TEST

static int files_here(void)
{
    int count = 0;
    DIR *dir = opendir(".");
    for (struct dirent *e; (e = readdir(dir));)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return count;
}

START_TEST(whole_or_not_there)
{
    gan_apng *animation;
    gan_image image = picture(4, 4, 3, 1), other = picture(4, 5, 3, 1), grey = picture(4, 4, 1, 1);
    ck_assert_int_eq(gan_apng_create("missing/" PATH, NULL, &animation, &message), GAN_ERROR_IO);
    ck_assert_int_eq(gan_apng_create(PATH, NULL, &animation, &message), GAN_OK);
    gan_apng_discard(animation);
    gan_apng_discard(NULL);
    ck_assert_int_eq(files_here(), 0);

    ck_assert_int_eq(gan_apng_create(PATH, NULL, &animation, &message), GAN_OK);
    ck_assert_int_eq(gan_apng_commit(animation, &message), GAN_ERROR_STATE);
    ck_assert_str_eq(message.text, PATH ": an animation without an image");
    ck_assert_int_eq(files_here(), 0);

    /* One that does not fit is refused, and the others stay. */
    ck_assert_int_eq(gan_apng_create(PATH, NULL, &animation, &message), GAN_OK);
    ck_assert_int_eq(gan_apng_add(animation, NULL, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_apng_add(animation, &image, &message), GAN_OK);
    ck_assert_int_eq(gan_apng_add(animation, &other, &message), GAN_ERROR_SHAPE);
    ck_assert_str_eq(message.text, PATH ": image 1 is 4x5x3, but those before it are 4x4x3");
    ck_assert_int_eq(gan_apng_add(animation, &grey, &message), GAN_ERROR_SHAPE);
    ck_assert_int_eq(gan_apng_add(animation, &image, &message), GAN_OK);
    ck_assert_int_eq(gan_apng_commit(animation, &message), GAN_OK);
    ck_assert_int_eq(files_here(), 1);
    parsed p = parse(PATH);
    ck_assert_uint_eq(get32(p.chunks[1].data), 2);
    free(p.bytes);
    gan_image_free(&image);
    gan_image_free(&other);
    gan_image_free(&grey);
}
END_TEST

/* A limit on the size of files stands for a full disk: nothing of the new animation is left, the old one stays. */
START_TEST(failed_writes)
{
    gan_apng *animation;
    gan_image image = picture(200, 200, 3, 1);
    struct rlimit before, limit;
    write_animation(NULL, 2, 2, 1, 1);
    ck_assert_int_eq(gan_apng_create(PATH, NULL, &animation, &message), GAN_OK);
    ck_assert_int_eq(gan_apng_add(animation, &image, &message), GAN_OK);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){.rlim_cur = 150000, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_int_eq(gan_apng_add(animation, &image, &message), GAN_ERROR_IO);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(gan_apng_add(animation, &image, &message), GAN_ERROR_STATE);
    ck_assert_int_eq(gan_apng_count(animation), 1);
    ck_assert_int_eq(gan_apng_commit(animation, &message), GAN_ERROR_STATE);
    ck_assert_int_eq(files_here(), 1);
    parsed p = parse(PATH);
    ck_assert_uint_eq(p.chunks[0].data[3], 2);
    free(p.bytes);
    gan_image_free(&image);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("apng");
    TCase *t = tcase_create("apng");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, chunks);
    tcase_add_test(t, images_come_back);
    tcase_add_test(t, delays);
    tcase_add_test(t, whole_or_not_there);
    tcase_add_test(t, failed_writes);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
