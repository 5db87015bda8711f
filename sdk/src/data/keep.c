#include "data/keep.h"

#include <stdlib.h>
#include <unistd.h>

#define BUDGET    ((int64_t)1 << 30)
#define MAX_COUNT ((int64_t)1 << 26) /* of more, the table of pointers alone would be half a budget */

/* A quarter of the machine's memory where that is less: training needs the rest. */
static int64_t budget(void)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 && pages < BUDGET / page * 4 ? pages * page / 4 : BUDGET;
}

gan_status gan__keep_open(gan__keep *keep, int64_t count, double part, const char *source, gan_message *message)
{
    if (count > MAX_COUNT)
        return GAN_OK;
    keep->slots = calloc((size_t)count, sizeof *keep->slots);
    if (!keep->slots)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", source);
    keep->count = count;
    atomic_init(&keep->left, (int64_t)(part * (double)budget()));
    return GAN_OK;
}

void gan__keep_close(gan__keep *keep)
{
    for (int64_t i = 0; i < keep->count; i++) {
        gan__kept *kept = atomic_load(&keep->slots[i]);
        if (kept)
            gan_image_free(&kept->image);
        free(kept);
    }
    free(keep->slots);
    keep->slots = NULL;
    keep->count = 0;
}

const gan__kept *gan__keep_find(const gan__keep *keep, int64_t index)
{
    return index < keep->count ? atomic_load_explicit(&keep->slots[index], memory_order_acquire) : NULL;
}

bool gan__keep_is_full(const gan__keep *keep)
{
    return keep->count == 0 || atomic_load(&keep->left) <= 0;
}

bool gan__keep_has_room(const gan__keep *keep, int64_t bytes)
{
    return keep->count > 0 && bytes + (int64_t)sizeof(gan__kept) <= atomic_load(&keep->left) / keep->count;
}

bool gan__keep_put(gan__keep *keep, int64_t index, const gan_image *image, int32_t label)
{
    int64_t bytes = image->width * image->height * image->channels + (int64_t)sizeof(gan__kept);
    if (gan__keep_is_full(keep))
        return false;
    gan__kept *kept = malloc(sizeof *kept), *empty = NULL;
    if (!kept) /* that the image is not kept is no error */
        return false;
    *kept = (gan__kept){*image, label};
    /* The last one may go over the budget, which then stays below zero: nothing more is kept. */
    if (atomic_compare_exchange_strong(&keep->slots[index], &empty, kept)) {
        atomic_fetch_sub(&keep->left, bytes);
        return true;
    }
    free(kept);
    return false;
}
