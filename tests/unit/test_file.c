/* Safetensors files: what is written reads back bit for bit, files of the official package read, nothing torn or lying
 * is taken, and a failed write leaves the old file. */
#define _GNU_SOURCE /* unshare */
#include "../support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIXTURES TEST_SOURCE_DIR "/fixtures/safetensors/"

static gan_context *ctx;
static gan_message message;
static char folder[512], path[1024];

static void setup(void)
{
    ck_assert_msg(gan_context_create(NULL, &ctx, &message) == GAN_OK, "%s", message.text);
    gan_scope_begin(ctx);
    snprintf(folder, sizeof folder, "%s", test_folder("file"));
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
}

static void teardown(void)
{
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

#define OK(call) ck_assert_msg((call) == GAN_OK, "%s", message.text)

static char *slurp(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    ck_assert_msg(f, "%s: %s", name, strerror(errno));
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*size + 1);
    ck_assert_uint_eq(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

static int files_in_folder(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir));)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* ---- writing and reading ---- */

static gan_tensor *conv_weight(void)
{
    float value[2][4][5][3];
    for (int o = 0; o < 2; o++)
        for (int h = 0; h < 4; h++)
            for (int w = 0; w < 5; w++)
                for (int i = 0; i < 3; i++)
                    value[o][h][w][i] = (float)(1000 * o + 100 * i + 10 * h + w);
    return gan_from_f32(ctx, GAN_SHAPE(2, 4, 5, 3), &value[0][0][0][0]);
}

static const float ramp[6] = {-2, -1.5f, -1, -0.5f, 0, 0.5f};
static const int32_t integers[3] = {-5, 0, INT32_MAX};
static const uint8_t bytes3[3] = {0, 127, 255};

static void write_sample(void)
{
    gan_file_writer *w = gan_file_writer_create();
    const float narrow[3] = {1, -0.5f, 3.140625f};
    OK(gan_file_add(w, "u8", gan_from_u8(ctx, GAN_SHAPE(3), bytes3), GAN_LAYOUT_PLAIN, &message));
    OK(gan_file_add(w, "f32", gan_from_f32(ctx, GAN_SHAPE(2, 3), ramp), GAN_LAYOUT_PLAIN, &message));
    OK(gan_file_add(w, "bf16", gan_cast(gan_from_f32(ctx, GAN_SHAPE(3), narrow), GAN_BF16), GAN_LAYOUT_PLAIN,
                    &message));
    OK(gan_file_add(w, "i32", gan_from_i32(ctx, GAN_SHAPE(3), integers), GAN_LAYOUT_PLAIN, &message));
    OK(gan_file_add(w, "empty", gan_zeros(ctx, GAN_SHAPE(0, 4)), GAN_LAYOUT_PLAIN, &message));
    OK(gan_file_add(w, "conv", conv_weight(), GAN_LAYOUT_CONV_WEIGHT, &message));
    OK(gan_file_add_number(w, "number", 0.1, &message));
    OK(gan_file_add_text(w, "note", "two\nlines, \"quotes\" and ünïcode", &message));
    OK(gan_file_commit(w, path, &message));
    gan_file_writer_destroy(w);
}

START_TEST(round_trip)
{
    write_sample();
    ck_assert_int_eq(files_in_folder(), 1);
    gan_file *f;
    OK(gan_file_open(path, &f, &message));
    ck_assert_int_eq(gan_file_count(f), 7);
    ck_assert_str_eq(gan_file_text(f, "note"), "two\nlines, \"quotes\" and ünïcode");
    ck_assert_ptr_null(gan_file_text(f, "nothing"));

    float read[6];
    gan_tensor *t = gan_zeros(ctx, GAN_SHAPE(2, 3));
    OK(gan_file_read(f, "f32", t, GAN_LAYOUT_PLAIN, &message));
    OK(gan_read_f32(t, read));
    ck_assert_mem_eq(read, ramp, sizeof ramp);

    int32_t whole[3] = {1, 1, 1};
    t = gan_from_i32(ctx, GAN_SHAPE(3), whole);
    OK(gan_file_read(f, "i32", t, GAN_LAYOUT_PLAIN, &message));
    OK(gan_read_i32(t, whole));
    ck_assert_mem_eq(whole, integers, sizeof integers);

    uint8_t small[3] = {1, 1, 1};
    t = gan_from_u8(ctx, GAN_SHAPE(3), small);
    OK(gan_file_read(f, "u8", t, GAN_LAYOUT_PLAIN, &message));
    OK(gan_read_u8(t, small));
    ck_assert_mem_eq(small, bytes3, sizeof bytes3);

    t = gan_cast(gan_zeros(ctx, GAN_SHAPE(3)), GAN_BF16);
    OK(gan_file_read(f, "bf16", t, GAN_LAYOUT_PLAIN, &message));
    OK(gan_read_f32(t, read));
    ck_assert(read[0] == 1 && read[1] == -0.5f && read[2] == 3.140625f);

    double number = 0;
    OK(gan_file_read_number(f, "number", &number, &message));
    ck_assert(number == 0.1);
    OK(gan_file_read(f, "empty", gan_zeros(ctx, GAN_SHAPE(0, 4)), GAN_LAYOUT_PLAIN, &message));
    gan_file_close(f);
}
END_TEST

START_TEST(convolution_weights_are_in_pytorchs_order)
{
    gan_file *f;
    gan_shape shape;
    const char *dtype;
    float want[120], have[120];
    OK(gan_file_open(FIXTURES "conv.safetensors", &f, &message));
    ck_assert(gan_file_info(f, "conv.weight", &shape, &dtype));
    ck_assert(gan_shape_equal(shape, GAN_SHAPE(2, 3, 4, 5)));
    ck_assert_str_eq(dtype, "F32");
    gan_tensor *t = gan_zeros(ctx, GAN_SHAPE(2, 4, 5, 3));
    OK(gan_file_read(f, "conv.weight", t, GAN_LAYOUT_CONV_WEIGHT, &message));
    OK(gan_read_f32(t, have));
    OK(gan_read_f32(conv_weight(), want));
    ck_assert_mem_eq(have, want, sizeof want);

    write_sample();
    gan_file *ours;
    size_t size_a, size_b;
    OK(gan_file_open(path, &ours, &message));
    const void *a = gan_file_data(f, "conv.weight", &size_a), *b = gan_file_data(ours, "conv", &size_b);
    ck_assert(size_a == sizeof want && size_b == size_a && memcmp(a, b, size_a) == 0);
    gan_file_close(ours);
    gan_file_close(f);
}
END_TEST

START_TEST(every_type_of_the_official_package)
{
    static const char *const floats[] = {"f64", "f32", "f16", "bf16"};
    gan_file *f;
    float have[12];
    OK(gan_file_open(FIXTURES "types.safetensors", &f, &message));
    ck_assert_int_eq(gan_file_count(f), 12);
    ck_assert_str_eq(gan_file_text(f, "größe"), "a \"quoted\" \\ text\n");
    for (int i = 0; i < 4; i++) {
        gan_tensor *t = gan_zeros(ctx, GAN_SHAPE(2, 3)), *narrow = gan_cast(t, GAN_BF16);
        OK(gan_file_read(f, floats[i], t, GAN_LAYOUT_PLAIN, &message));
        OK(gan_read_f32(t, have));
        ck_assert_mem_eq(have, ramp, sizeof ramp);
        OK(gan_file_read(f, floats[i], narrow, GAN_LAYOUT_PLAIN, &message));
        OK(gan_read_f32(narrow, have));
        ck_assert_mem_eq(have, ramp, sizeof ramp);
    }
    gan_tensor *t = gan_zeros(ctx, GAN_SHAPE(12));
    OK(gan_file_read(f, "half.special", t, GAN_LAYOUT_PLAIN, &message));
    OK(gan_read_f32(t, have));
    const float want[] = {0.0f, -0.0f, 0x1p-24f, -0x3ffp-24f, 0x1p-14f, 1, -2, 65504, INFINITY, -INFINITY};
    ck_assert_mem_eq(have, want, sizeof want);
    ck_assert(isnan(have[10]) && have[11] == 0x1.554p-2f);

    double number;
    OK(gan_file_read_number(f, "scalar", &number, &message));
    ck_assert(number == 0.1);
    gan_tensor *one = gan_zeros(ctx, GAN_SHAPE(1));
    OK(gan_file_read(f, "näme 日本", one, GAN_LAYOUT_PLAIN, &message));
    ck_assert(gan_item(one) == 7);

    /* Kept, but not converted. */
    const char *dtype;
    size_t bytes;
    ck_assert(gan_file_info(f, "i64", NULL, &dtype));
    ck_assert_str_eq(dtype, "I64");
    const int64_t *wide = gan_file_data(f, "i64", &bytes);
    ck_assert(bytes == 16 && wide[0] == 1 && wide[1] == -1);
    ck_assert_int_eq(gan_file_read(f, "i64", gan_zeros(ctx, GAN_SHAPE(2)), GAN_LAYOUT_PLAIN, &message),
                     GAN_ERROR_DTYPE);
    ck_assert_msg(strstr(message.text, "the tensor \"i64\" is I64, but f32 is needed"), "%s", message.text);
    gan_file_close(f);

    OK(gan_file_open(FIXTURES "nothing.safetensors", &f, &message));
    ck_assert_int_eq(gan_file_count(f), 0);
    ck_assert(!gan_file_has(f, "x"));
    gan_file_close(f);
}
END_TEST

START_TEST(bf16_rounds_to_nearest_even)
{
    /* Halfway cases go to the even neighbour; large values may round to infinity; NaN stays NaN. */
    const float in[] = {0x1.01p0f, 0x1.03p0f, 0x1.010002p0f, 0x1.fffffep127f, NAN};
    float out[5];
    gan_file_writer *w = gan_file_writer_create();
    OK(gan_file_add(w, "x", gan_from_f32(ctx, GAN_SHAPE(5), in), GAN_LAYOUT_PLAIN, &message));
    OK(gan_file_commit(w, path, &message));
    gan_file_writer_destroy(w);
    gan_file *f;
    OK(gan_file_open(path, &f, &message));
    gan_tensor *t = gan_cast(gan_zeros(ctx, GAN_SHAPE(5)), GAN_BF16);
    OK(gan_file_read(f, "x", t, GAN_LAYOUT_PLAIN, &message));
    OK(gan_read_f32(t, out));
    ck_assert(out[0] == 1 && out[1] == 0x1.04p0f && out[2] == 0x1.02p0f && isinf(out[3]) && isnan(out[4]));
    gan_file_close(f);
}
END_TEST

START_TEST(python_reads_what_we_write)
{
    const char *python = getenv("GAN_TEST_PYTHON");
    char command[4096];
    write_sample();
    snprintf(command, sizeof command, "'%s' '%sread.py' '%s' >'%s/out' 2>&1", python ? python : "python3", FIXTURES,
             path, folder);
    int status = system(command);
    if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127) {
        printf(
            "python_reads_what_we_write: skipped, no Python with torch and safetensors (GAN_TEST_PYTHON names one)\n");
        return;
    }
    snprintf(command, sizeof command, "%s/out", folder);
    size_t size;
    char *out = slurp(command, &size);
    out[size] = '\0';
    ck_assert_msg(status == 0, "%s", out);
    free(out);
}
END_TEST

START_TEST(wrong_uses_are_refused)
{
    gan_file_writer *w = gan_file_writer_create();
    gan_tensor *x = gan_zeros(ctx, GAN_SHAPE(2, 3));
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    OK(gan_file_add(w, "x", x, GAN_LAYOUT_PLAIN, &message));
    ck_assert_int_eq(gan_file_add(w, "x", x, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_ARGUMENT);
    ck_assert_str_eq(message.text, "the tensor \"x\" is already in the file");
    ck_assert_int_eq(gan_file_add_number(w, "x", 1, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add(w, "", x, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add(w, NULL, x, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add(w, name, x, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add(w, "__metadata__", x, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add(w, "a\xff", x, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add(w, "c", x, GAN_LAYOUT_CONV_WEIGHT, &message), GAN_ERROR_SHAPE);
    ck_assert_int_eq(gan_file_add(w, "n", NULL, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add_text(w, "gan.crc32", "x", &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_file_add_text(w, "k", "\xff", &message), GAN_ERROR_ARGUMENT);
    OK(gan_file_add_number(w, "n", 1, &message));
    OK(gan_file_commit(w, path, &message));
    gan_file_writer_destroy(w);

    gan_file *f;
    double number;
    OK(gan_file_open(path, &f, &message));
    ck_assert_int_eq(gan_file_read(f, "y", x, GAN_LAYOUT_PLAIN, &message), GAN_ERROR_NOT_FOUND);
    ck_assert_msg(strstr(message.text, path) && strstr(message.text, "there is no tensor \"y\""), "%s", message.text);
    ck_assert_int_eq(gan_file_read(f, "x", gan_zeros(ctx, GAN_SHAPE(3, 2)), GAN_LAYOUT_PLAIN, &message),
                     GAN_ERROR_SHAPE);
    ck_assert_msg(strstr(message.text, "the tensor \"x\" is [2, 3], but [3, 2] is needed"), "%s", message.text);
    ck_assert_int_eq(gan_file_read(f, "x", x, GAN_LAYOUT_CONV_WEIGHT, &message), GAN_ERROR_SHAPE);
    ck_assert_int_eq(
        gan_file_read(f, "x", gan_from_u8(ctx, GAN_SHAPE(2, 3), (uint8_t[6]){0}), GAN_LAYOUT_PLAIN, &message),
        GAN_ERROR_DTYPE);
    ck_assert_int_eq(gan_file_read_number(f, "x", &number, &message), GAN_ERROR_SHAPE);
    ck_assert_int_eq(gan_file_read_number(f, "z", &number, &message), GAN_ERROR_NOT_FOUND);
    gan_file_close(f);

    ck_assert_int_eq(gan_file_open("/nonexistent/file", &f, &message), GAN_ERROR_NOT_FOUND);
    ck_assert_str_eq(message.text, "/nonexistent/file: cannot be opened: No such file or directory");
    ck_assert_int_eq(gan_file_open(folder, &f, &message), GAN_ERROR_IO);
    ck_assert_msg(strstr(message.text, "is not a file"), "%s", message.text);
}
END_TEST

/* ---- hostile files ---- */

static gan_status open_text(const char *header, size_t data_size, gan_file **f)
{
    uint64_t length = strlen(header);
    char *file = calloc(1, 8 + length + data_size);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    gan_status status = gan_file_open_memory(file, 8 + length + data_size, "hostile", f, &message);
    free(file);
    return status;
}

#define T(name, dtype, shape, offsets)                                                                                 \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

START_TEST(lying_headers_are_refused)
{
    static const struct {
        const char *header;
        size_t data;
        const char *sentence;
    } wrong[] = {
        {"", 0, "does not begin with {"},
        {"[]", 0, "does not begin with {"},
        {" {}", 0, "does not begin with {"},
        {"{}", 1, "1 bytes after the last tensor belong to none"},
        {"{", 0, "not valid JSON"},
        {"{}x", 0, "not valid JSON"},
        {"{\"a\":1}", 0, "does not have exactly"},
        {"{\"a\":[]}", 0, "does not have exactly"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "does not have exactly"},
        {"{\"a\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "does not have exactly"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,4]}}", 4, "does not have exactly"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":1}}", 4, "does not have exactly"},
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("a", "F32", "[1]", "[4,8]") "}", 8, "not valid JSON"},
        {"{" T("a", "F32", "[1.5]", "[0,4]") "}", 4, "not of whole numbers"},
        {"{" T("a", "F32", "[-1]", "[0,4]") "}", 4, "not of whole numbers"},
        {"{" T("a", "F32", "[\"1\"]", "[0,4]") "}", 4, "not of whole numbers"},
        {"{" T("a", "F32", "[1]", "[0]") "}", 4, "not two rising whole numbers"},
        {"{" T("a", "F32", "[1]", "[0,4,8]") "}", 4, "not two rising whole numbers"},
        {"{" T("a", "F32", "[1]", "[-4,0]") "}", 4, "not two rising whole numbers"},
        {"{" T("a", "F32", "[1]", "[4,0]") "}", 4, "not two rising whole numbers"},
        {"{" T("a", "F32", "[1]", "[0,4.0]") "}", 4, "not two rising whole numbers"},
        {"{" T("a", "F32", "[1]", "[0,99999999999999999999]") "}", 4, "not valid JSON"},
        {"{" T("a", "F32", "[2]", "[0,8]") "}", 4, "ends at byte 8 of the data, but there are 4"},
        {"{" T("a", "F32", "[1]", "[0,8]") "}", 8, "is F32 [1], 4 bytes, but has 8"},
        {"{" T("a", "F32", "[3]", "[0,8]") "}", 8, "is F32 [3], 12 bytes, but has 8"},
        {"{" T("a", "I64", "[1]", "[0,4]") "}", 4, "is I64 [1], 8 bytes, but has 4"},
        {"{" T("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "too many elements"},
        {"{" T("a", "F32", "[0,4294967296,4294967296]", "[0,0]") "}", 0, "too many elements"},
        {"{" T("a", "F32", "[4611686018427387905]", "[0,4]") "}", 4, "too many elements"},
        {"{" T("a", "F32", "[1,1,1,1,1,1,1]", "[0,4]") "}", 4, "7 dimensions"},
        {"{" T("a", "", "[1]", "[0,4]") "}", 4, "no name of a type"},
        {"{" T("", "F32", "[1]", "[0,4]") "}", 4, "name has 0 bytes"},
        {"{" T("a", "F32", "[1]", "[4,8]") "}", 8, "4 bytes before the tensor \"a\" belong to no tensor"},
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[8,12]") "}", 12, "before the tensor \"b\""},
        {"{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[1]", "[4,8]") "}", 8, "\"b\" overlaps"},
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[0,4]") "}", 4, "\"b\" overlaps"},
        {"{" T("a", "F32", "[1]", "[0,4]") "}", 5, "1 bytes after the last tensor"},
        {"{\"__metadata__\":1}", 0, "not a table of texts"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "\"a\" is not text"},
        {"{\"__metadata__\":{\"gan.crc32\":\"00000000\"}}", 0, "torn or was altered"},
        {"{\"__metadata__\":{\"gan.crc32\":\"123\"}}", 0, "not of eight hexadecimal digits"},
        {"{\"__metadata__\":{\"gan\\u002ecrc32\":\"00000000\"}}", 0, "not of eight hexadecimal digits"},
        {"{\"__metadata__\":{\"gan.version\":\"1.0.0\"}}", 0, "checksum is missing"},
        {"{\"a\":{\"b\":{\"c\":{}}}}", 0, "nested deeper"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gan_file *f = NULL;
        gan_status status = open_text(wrong[i].header, wrong[i].data, &f);
        ck_assert_msg(status == GAN_ERROR_FORMAT || status == GAN_ERROR_CHECKSUM, "%s was taken", wrong[i].header);
        ck_assert_msg(!f && strstr(message.text, "hostile: ") && strstr(message.text, wrong[i].sentence), "%s: %s",
                      wrong[i].header, message.text);
    }
}
END_TEST

START_TEST(unusual_headers_are_taken)
{
    static const struct {
        const char *header;
        size_t data;
    } good[] = {
        {"{}    ", 0},
        {"{" T("b", "F32", "[1]", "[4,8]") "," T("a", "F32", "[1]", "[0,4]") "}", 8},
        {"{" T("a", "F32", "[0]", "[4,4]") "," T("b", "F32", "[1]", "[0,4]") "}", 4},
        {"{" T("a", "F32", "[0,9]", "[0,0]") "," T("b", "F32", "[1]", "[0,4]") "}", 4},
        {"{" T("a", "Q4", "[3]", "[0,2]") "}", 2},
        {"{ \"a\" : { \"shape\" : [ 1 ] ,\n\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        gan_file *f = NULL;
        ck_assert_msg(open_text(good[i].header, good[i].data, &f) == GAN_OK, "%s: %s", good[i].header, message.text);
        gan_file_close(f);
    }
}
END_TEST

START_TEST(lengths_and_sizes_are_capped)
{
    gan_file *f = NULL;
    char bytes[16] = "\xff\xff\xff\xff\xff\xff\xff\xff{}";
    for (size_t size = 0; size < sizeof bytes; size++)
        ck_assert_int_eq(gan_file_open_memory(bytes, size, "short", &f, &message), GAN_ERROR_FORMAT);
    ck_assert_msg(strstr(message.text, "a header of 18446744073709551615 bytes, but the file has 15"), "%s",
                  message.text);

    /* A sparse file of a terabyte with a header of a hundred megabytes takes no memory. */
    uint64_t length = 100u << 20;
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert(write(fd, &length, 8) == 8);
    if (ftruncate(fd, (off_t)1 << 40) == 0) {
        ck_assert_int_eq(gan_file_open(path, &f, &message), GAN_ERROR_FORMAT);
        ck_assert_msg(strstr(message.text, "at most 67108864 are accepted"), "%s", message.text);
    }
    close(fd);

    char *many = malloc(4u << 20);
    strcpy(many, "{\"__metadata__\":{");
    size_t used = strlen(many);
    for (int i = 0; used < (4u << 20) - 16; i++)
        used += (size_t)sprintf(many + used, "%x:,", (unsigned)i);
    ck_assert_int_eq(open_text(many, 0, &f), GAN_ERROR_FORMAT);
    memset(many, '[', (4u << 20) - 1);
    memcpy(many, "{\"a\":", 5);
    many[(4u << 20) - 1] = '\0';
    ck_assert_int_eq(open_text(many, 0, &f), GAN_ERROR_FORMAT);
    ck_assert_msg(strstr(message.text, "nested deeper"), "%s", message.text);
    memset(many + 6, ',', (4u << 20) - 7);
    ck_assert_int_eq(open_text(many, 0, &f), GAN_ERROR_FORMAT);
    ck_assert_msg(strstr(message.text, "more than 1048576 values"), "%s", message.text);
    free(many);
}
END_TEST

START_TEST(each_torn_or_changed_byte_is_noticed)
{
    write_sample();
    size_t size;
    char *bytes = slurp(path, &size);
    gan_file *f = NULL;
    OK(gan_file_open_memory(bytes, size, "whole", &f, &message));
    gan_file_close(f);
    f = NULL;
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut ? cut : 1); /* its own block, so that reading past it is seen */
        memcpy(part, bytes, cut);
        ck_assert_msg(gan_file_open_memory(part, cut, "torn", &f, &message) != GAN_OK, "cut to %zu", cut);
        free(part);
    }
    for (size_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (char)(1 << bit);
            ck_assert_msg(gan_file_open_memory(bytes, size, "flipped", &f, &message) != GAN_OK, "bit %d of byte %zu",
                          bit, at);
            bytes[at] ^= (char)(1 << bit);
        }
    }
    ck_assert_ptr_null(f);
    free(bytes);
}
END_TEST

/* ---- failing writes ---- */

static gan_status write_ones(const char *to, int64_t count)
{
    gan_file_writer *w = gan_file_writer_create();
    OK(gan_file_add(w, "x", gan_full(ctx, GAN_SHAPE(count), 1), GAN_LAYOUT_PLAIN, &message));
    gan_status status = gan_file_commit(w, to, &message);
    gan_file_writer_destroy(w);
    return status;
}

static void check_old_file_is_whole(void)
{
    gan_file *f;
    gan_shape shape;
    OK(gan_file_open(path, &f, &message));
    ck_assert(gan_file_info(f, "x", &shape, NULL) && gan_shape_equal(shape, GAN_SHAPE(10)));
    gan_file_close(f);
    ck_assert_int_eq(files_in_folder(), 1);
}

START_TEST(a_failed_write_keeps_the_old_file)
{
    /* A limit on the file's size fails in the same places as a full disk does. */
    signal(SIGXFSZ, SIG_IGN);
    OK(write_ones(path, 10));
    for (rlim_t limit = 0; limit < 50000; limit = limit * 2 + 100) {
        struct rlimit old, low;
        getrlimit(RLIMIT_FSIZE, &old);
        low = (struct rlimit){limit, old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &low);
        gan_status status = write_ones(path, 20000);
        setrlimit(RLIMIT_FSIZE, &old);
        ck_assert_int_eq(status, GAN_ERROR_IO);
        ck_assert_msg(strstr(message.text, path) && strstr(message.text, "File too large"), "%s", message.text);
        check_old_file_is_whole();
    }
}
END_TEST

/* A file system of 64 KiB on the folder, seen by this process only, so that nothing is left if it dies. */
static bool mount_small(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, "tmpfs", 0, "size=64k") == 0;
}

START_TEST(a_full_disk_keeps_the_old_file)
{
    if (!mount_small()) {
        printf("a_full_disk_keeps_the_old_file: skipped, a small file system cannot be mounted: %s\n", strerror(errno));
        return;
    }
    OK(write_ones(path, 10));
    gan_status status = write_ones(path, 100000);
    gan_message said = message;
    check_old_file_is_whole();
    OK(write_ones(path, 10));
    ck_assert_int_eq(umount2(folder, MNT_DETACH), 0);
    ck_assert_int_eq(status, GAN_ERROR_IO);
    ck_assert_msg(strstr(said.text, "No space left on device"), "%s", said.text);
}
END_TEST

START_TEST(folders_that_cannot_be_written)
{
    char other[1100];
    snprintf(other, sizeof other, "%s/none/a", folder);
    ck_assert_int_eq(write_ones(other, 10), GAN_ERROR_IO);
    char want[1400];
    snprintf(want, sizeof want, "cannot write %s: No such file or directory", other);
    ck_assert_str_eq(message.text, want);
    /* The target is a folder: the temporary file must go. */
    snprintf(other, sizeof other, "%s/sub", folder);
    mkdir(other, 0700);
    ck_assert_int_eq(write_ones(other, 10), GAN_ERROR_IO);
    ck_assert_int_eq(files_in_folder(), 1);
    ck_assert_int_eq(write_ones("", 10), GAN_ERROR_ARGUMENT);
    if (geteuid() != 0) {
        chmod(folder, 0500);
        ck_assert_int_eq(write_ones(path, 10), GAN_ERROR_IO);
        chmod(folder, 0700);
    }
}
END_TEST

START_TEST(killed_while_writing)
{
    OK(write_ones(path, 10));
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (int64_t n = 0;; n++)
                write_ones(path, 100000 + n % 7);
        }
        usleep((useconds_t)(500 + 700 * i));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        gan_file *f;
        OK(gan_file_open(path, &f, &message));
        gan_file_close(f);
    }
    /* What the killed ones left does not hinder the next. */
    OK(write_ones(path, 10));
}
END_TEST

START_TEST(relative_paths_and_permissions)
{
    struct stat info;
    ck_assert_int_eq(chdir(folder), 0);
    mode_t old = umask(027);
    OK(write_ones("here.safetensors", 10));
    umask(old);
    ck_assert_int_eq(stat("here.safetensors", &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0640);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("file");
    TCase *c = tcase_create("file");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, round_trip);
    tcase_add_test(c, convolution_weights_are_in_pytorchs_order);
    tcase_add_test(c, every_type_of_the_official_package);
    tcase_add_test(c, bf16_rounds_to_nearest_even);
    tcase_add_test(c, python_reads_what_we_write);
    tcase_add_test(c, wrong_uses_are_refused);
    tcase_add_test(c, lying_headers_are_refused);
    tcase_add_test(c, unusual_headers_are_taken);
    tcase_add_test(c, lengths_and_sizes_are_capped);
    tcase_add_test(c, each_torn_or_changed_byte_is_noticed);
    tcase_add_test(c, a_failed_write_keeps_the_old_file);
    tcase_add_test(c, a_full_disk_keeps_the_old_file);
    tcase_add_test(c, folders_that_cannot_be_written);
    tcase_add_test(c, killed_while_writing);
    tcase_add_test(c, relative_paths_and_permissions);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return test_main(suite());
}
