/* Memory runs out while images are read, resized, converted and written: each allocation fails in turn. */
#include "../support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../failing_malloc.h"

#if REPLACEABLE
#define FIXTURES TEST_SOURCE_DIR "/fixtures/"

static gan_image shown;
static char folder[500];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder("image-memory"));
    ck_assert_int_eq(gan_image_create(&shown, 40, 30, 3, &message), GAN_OK);
    for (int i = 0; i < 40 * 30 * 3; i++)
        shown.pixels[i] = (uint8_t)(i * i);
}

static void teardown(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    gan_image_free(&shown);
}

static gan_status read_fixture(const char *path)
{
    gan_image image = {0};
    gan_status status = gan_image_read(path, &image, &message);
    gan_image_free(&image);
    return status;
}

#define READ(name, path)                                                                                               \
    static gan_status name(void)                                                                                       \
    {                                                                                                                  \
        return read_fixture(FIXTURES path);                                                                            \
    }
READ(read_jpeg, "jpeg/rgb_420.jpg")
READ(read_progressive, "jpeg/rgb_progressive.jpg")
READ(read_cmyk, "jpeg/cmyk.jpg")
READ(read_turned, "jpeg/orientation_6.jpg")
READ(read_png, "png/rgba.png")
READ(read_palette, "png/palette_alpha.png")

static gan_status resize(gan_filter filter, int64_t width, int64_t height)
{
    gan_image image = {0};
    gan_status status = gan_image_resize(&shown, width, height, filter, &image, &message);
    gan_image_free(&image);
    return status;
}

static gan_status shrink(void)
{
    return resize(GAN_FILTER_LANCZOS, 11, 19);
}

static gan_status shrink_down_first(void)
{
    return resize(GAN_FILTER_AREA, 39, 3);
}

static gan_status widen(void)
{
    return resize(GAN_FILTER_BICUBIC, 90, 30);
}

static gan_status crop_and_convert(void)
{
    gan_image image = {0};
    gan_status status = gan_image_crop(&shown, 3, 4, 20, 10, &image, &message);
    if (status == GAN_OK)
        status = gan_image_convert(&image, 1, &message);
    if (status == GAN_OK)
        status = gan_image_convert(&image, 3, &message);
    gan_image_free(&image);
    return status;
}

static gan_status encode(void)
{
    void *bytes = NULL;
    size_t size;
    gan_status status = gan_png_encode(&shown, &bytes, &size, &message);
    free(bytes);
    return status;
}

static gan_status animate(void)
{
    char path[600];
    gan_apng *animation = NULL;
    snprintf(path, sizeof path, "%s/animation.png", folder);
    gan_status status = gan_apng_create(path, NULL, &animation, &message);
    for (int i = 0; i < 2 && status == GAN_OK; i++)
        status = gan_apng_add(animation, &shown, &message);
    if (status == GAN_OK)
        return gan_apng_commit(animation, &message);
    gan_apng_discard(animation);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    torture("a JPEG file", read_jpeg);
    torture("a progressive JPEG file", read_progressive);
    torture("a CMYK JPEG file", read_cmyk);
    torture("a JPEG file that is turned", read_turned);
    torture("a PNG file with alpha", read_png);
    torture("a PNG file with a palette", read_palette);
    torture("resizing to less", shrink);
    torture("resizing to less, down first", shrink_down_first);
    torture("resizing one axis", widen);
    torture("cropping and converting", crop_and_convert);
    torture("a PNG file in memory", encode);
    torture("an animation", animate);
}
END_TEST
#endif

int main(void)
{
    return memory_test_main("image_memory", setup, teardown, every_allocation_may_fail);
}
