/*
 * alloc.c - the caching allocator.
 *
 * Memory is taken from the backend in segments, which are cut into blocks; a freed block is joined with its free
 * neighbours and kept. Requests take the smallest free block that is large enough. A training step repeats the same
 * requests in the same order, so from the second or third step on the system is not asked again. (Returning large
 * blocks to the system at once, as malloc does, costs a page fault per 4 KiB at every reuse.) Small, middle and large
 * requests have segments of their own, so that small ones do not nibble at the blocks that large ones come back for.
 *
 * A device works behind the host, but in one order, so a block may be handed on as soon as it is freed: what was
 * enqueued before is done with it before what is enqueued next. A captured step is replayed later and again, at the
 * addresses that it was captured with: what is allocated while capturing comes from an arena of its own, from which
 * nothing else is served as long as there are graphs.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct gan__block {
    size_t size; /* first member: a spare record's link overlays nothing that is read while in use */
    char *data;
    gan__block *before, *after; /* neighbours in the segment */
    gan__block *next_free, *previous_free;
    int arena, pool;
    bool free;
};

enum { GRAIN = 256, SLAB_RECORDS = 64 };
static const size_t SMALL_SEGMENT = (size_t)2 << 20, MIDDLE_SEGMENT = (size_t)16 << 20,
                    MIDDLE_REQUEST = (size_t)4 << 20, SMALL_REQUEST = (size_t)128 << 10,
                    SEGMENT_GRAIN = (size_t)1 << 20;

/* ---- records: small host structures from free lists ---- */

typedef struct slab {
    struct slab *next;
} slab;

void *gan__record_new(gan_context *ctx, void **free_list, size_t size)
{
    gan__allocator *a = &ctx->allocator;
    if (a->fail_after && --a->fail_after == 0)
        return NULL;
    if (!*free_list) {
        size_t bytes = (size + 15) & ~(size_t)15;
        slab *s = malloc(16 + bytes * SLAB_RECORDS);
        if (!s)
            return NULL;
        a->stats.system_allocations++;
        s->next = a->slabs;
        a->slabs = s;
        char *record = (char *)s + 16;
        for (int i = 0; i < SLAB_RECORDS; i++, record += bytes) {
            *(void **)record = *free_list;
            *free_list = record;
        }
    }
    void *record = *free_list;
    *free_list = *(void **)record;
    memset(record, 0, size);
    return record;
}

void gan__record_free(void **free_list, void *record)
{
    *(void **)record = *free_list;
    *free_list = record;
}

/* ---- blocks ---- */

static int bin_of(size_t size)
{
    return 63 - __builtin_clzll(size);
}

static void bin_insert(gan__allocator *a, gan__block *b)
{
    gan__block **head = &a->bins[b->arena][b->pool][bin_of(b->size)];
    b->free = true;
    b->previous_free = NULL;
    b->next_free = *head;
    if (*head)
        (*head)->previous_free = b;
    *head = b;
}

static void bin_remove(gan__allocator *a, gan__block *b)
{
    if (b->previous_free)
        b->previous_free->next_free = b->next_free;
    else
        a->bins[b->arena][b->pool][bin_of(b->size)] = b->next_free;
    if (b->next_free)
        b->next_free->previous_free = b->previous_free;
    b->free = false;
}

static int pool_of(size_t size)
{
    return size <= SMALL_REQUEST ? 0 : size <= MIDDLE_REQUEST ? 1 : 2;
}

static gan__block *find_free(gan__allocator *a, int arena, size_t size)
{
    int pool = pool_of(size);
    for (int bin = bin_of(size); bin < GAN__BINS; bin++) {
        gan__block *best = NULL;
        for (gan__block *b = a->bins[arena][pool][bin]; b; b = b->next_free)
            if (b->size >= size && (!best || b->size < best->size))
                best = b;
        if (best)
            return best;
    }
    return NULL;
}

static size_t segment_size(size_t size)
{
    int pool = pool_of(size);
    if (pool < 2)
        return pool == 0 ? SMALL_SEGMENT : MIDDLE_SEGMENT;
    return (size + SEGMENT_GRAIN - 1) / SEGMENT_GRAIN * SEGMENT_GRAIN;
}

static gan__block *new_segment(gan_context *ctx, int arena, size_t size)
{
    gan__allocator *a = &ctx->allocator;
    gan__backend *be = ctx->backend;
    gan__block *b = gan__record_new(ctx, (void **)&a->spare, sizeof *b);
    if (!b)
        return NULL;
    b->arena = arena;
    b->pool = pool_of(size);
    b->size = segment_size(size);
    b->data = be->ops->allocate(be, b->size);
    if (!b->data) {
        gan__give_back(ctx);
        b->size = size;
        b->data = be->ops->allocate(be, size);
    }
    if (!b->data) {
        gan__record_free((void **)&a->spare, b);
        return NULL;
    }
    a->stats.system_allocations++;
    a->stats.bytes_reserved += b->size;
    return b;
}

static gan__block *take_block(gan_context *ctx, size_t bytes)
{
    gan__allocator *a = &ctx->allocator;
    if (bytes > ((size_t)1 << (GAN__BINS - 2)))
        return NULL;
    size_t size = bytes < GRAIN ? GRAIN : (bytes + GRAIN - 1) / GRAIN * GRAIN;
    if (a->fail_after && --a->fail_after == 0)
        return NULL;
    if (a->limit && a->stats.bytes_in_use + size > a->limit)
        return NULL;
    int arena = ctx->capture ? GAN__ARENA_GRAPHS : GAN__ARENA_EAGER;
    gan__block *b = find_free(a, arena, size);
    if (b)
        bin_remove(a, b);
    else if (!(b = new_segment(ctx, arena, size)))
        return NULL;
    if (b->size - size >= GRAIN) {
        gan__block *rest = gan__record_new(ctx, (void **)&a->spare, sizeof *rest);
        if (rest) { /* without a record the block is handed out whole */
            rest->size = b->size - size;
            rest->data = b->data + size;
            rest->arena = b->arena;
            rest->pool = b->pool;
            rest->before = b;
            rest->after = b->after;
            if (b->after)
                b->after->before = rest;
            b->after = rest;
            b->size = size;
            bin_insert(a, rest);
        }
    }
    a->stats.bytes_in_use += b->size;
    if (a->stats.bytes_in_use > a->stats.bytes_peak)
        a->stats.bytes_peak = a->stats.bytes_in_use;
    return b;
}

/* Take `other`, the block after `b`, into it. */
static void join(gan__allocator *a, gan__block *b, gan__block *other)
{
    b->size += other->size;
    b->after = other->after;
    if (b->after)
        b->after->before = b;
    gan__record_free((void **)&a->spare, other);
}

static void give_block(gan_context *ctx, gan__block *b)
{
    gan__allocator *a = &ctx->allocator;
    a->stats.bytes_in_use -= b->size;
    if (b->after && b->after->free) {
        bin_remove(a, b->after);
        join(a, b, b->after);
    }
    if (b->before && b->before->free) {
        gan__block *before = b->before;
        bin_remove(a, before);
        join(a, before, b);
        b = before;
    }
    bin_insert(a, b);
}

/* Whole segments of the first `arenas` that are free go back to the device. */
static void give_segments(gan_context *ctx, int arenas)
{
    gan__allocator *a = &ctx->allocator;
    gan__backend *be = ctx->backend;
    gan__block **heads = &a->bins[0][0][0];
    for (int i = 0; i < arenas * GAN__POOLS * GAN__BINS; i++) {
        for (gan__block *b = heads[i], *next; b; b = next) {
            next = b->next_free;
            if (b->before || b->after)
                continue;
            bin_remove(a, b);
            a->stats.bytes_reserved -= b->size;
            be->ops->deallocate(be, b->data, b->size);
            gan__record_free((void **)&a->spare, b);
        }
    }
}

void gan__give_back(gan_context *ctx)
{
    gan__backend *be = ctx->backend;
    if (ctx->capture || be->ops->synchronize(be) != GAN_OK)
        return; /* work may still use the blocks */
    give_segments(ctx, ctx->graphs > 0 ? GAN__ARENA_GRAPHS : GAN__ARENAS);
}

void gan_memory_trim(gan_context *ctx)
{
    if (ctx->graphs == 0) { /* whose kernels would go on reading it */
        gan_release(ctx->counting);
        ctx->counting = NULL;
    }
    gan__give_back(ctx);
}

void gan__allocator_finish(gan_context *ctx)
{
    gan__scratch_finish(ctx);
    /* Also from a device that has failed, or that is still recording: nobody comes back for its results. */
    ctx->backend->ops->synchronize(ctx->backend);
    give_segments(ctx, GAN__ARENAS);
    for (slab *s = ctx->allocator.slabs, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    ctx->allocator.slabs = NULL;
}

gan_memory_stats gan_memory(const gan_context *ctx)
{
    return ctx->allocator.stats;
}

size_t gan_memory_available(const gan_context *ctx)
{
    const gan__allocator *a = &ctx->allocator;
    size_t available, total;
    if (ctx->backend->ops->memory_free(ctx->backend, &available, &total) != GAN_OK)
        return a->limit;
    available += a->stats.bytes_reserved;
    return a->limit && a->limit < available ? a->limit : available;
}

void gan_memory_reset_peak(gan_context *ctx)
{
    ctx->allocator.stats.bytes_peak = ctx->allocator.stats.bytes_in_use;
}

void gan_memory_fail_after(gan_context *ctx, uint64_t nth)
{
    ctx->allocator.fail_after = nth;
}

/* ---- storages ---- */

gan__storage *gan__storage_new(gan_context *ctx, size_t bytes)
{
    gan__storage *s = gan__record_new(ctx, &ctx->free_storages, sizeof *s);
    if (!s)
        return NULL;
    if (bytes > 0 && !(s->block = take_block(ctx, bytes))) {
        gan__record_free(&ctx->free_storages, s);
        return NULL;
    }
    s->data = s->block ? s->block->data : NULL;
    s->refs = 1;
    return s;
}

void gan__storage_retain(gan__storage *s)
{
    s->refs++;
}

static void drop_pack(gan_context *ctx, gan__pack *p)
{
    gan__storage_release(ctx, p->copy);
    gan__record_free(&ctx->free_packs, p);
}

void gan__storage_touch(gan_context *ctx, gan__storage *s)
{
    for (gan__pack *p = s->packs, *next; p; p = next) {
        next = p->next;
        drop_pack(ctx, p);
    }
    s->packs = NULL;
}

void gan__storage_release(gan_context *ctx, gan__storage *s)
{
    if (!s || --s->refs > 0)
        return;
    gan__storage_touch(ctx, s);
    if (s->block)
        give_block(ctx, s->block);
    gan__record_free(&ctx->free_storages, s);
}

/* ---- workspaces and packed copies ---- */

/* Those in use are few, and mostly freed in the reverse order. Their records lie outside: the memory is the device's.
 */
void *gan__workspace(gan_context *ctx, size_t bytes)
{
    gan__loan *loan = gan__record_new(ctx, &ctx->free_loans, sizeof *loan);
    gan__storage *s = loan ? gan__storage_new(ctx, bytes > 0 ? bytes : 1) : NULL;
    if (!s) {
        if (loan)
            gan__record_free(&ctx->free_loans, loan);
        return NULL;
    }
    *loan = (gan__loan){ctx->loans, s};
    ctx->loans = loan;
    return s->data;
}

void gan__workspace_free(gan_context *ctx, void *data)
{
    for (gan__loan **link = &ctx->loans; data && *link; link = &(*link)->next) {
        gan__loan *loan = *link;
        if (loan->storage->data != data)
            continue;
        *link = loan->next;
        gan__storage_release(ctx, loan->storage);
        gan__record_free(&ctx->free_loans, loan);
        return;
    }
}

void *gan__pack_find(gan_context *ctx, gan__storage *storage, uint64_t key)
{
    for (gan__pack *p = storage ? storage->packs : NULL; p; p = p->next)
        if (p->key == key && p->epoch == ctx->pack_epoch)
            return p->copy->data;
    return NULL;
}

void *gan__pack_add(gan_context *ctx, gan__storage *storage, uint64_t key, size_t bytes)
{
    if (!storage)
        return NULL;
    for (gan__pack **link = &storage->packs; *link;) { /* those of an older epoch are of no more use */
        gan__pack *old = *link;
        if (old->epoch == ctx->pack_epoch) {
            link = &old->next;
            continue;
        }
        *link = old->next;
        drop_pack(ctx, old);
    }
    gan__pack *p = gan__record_new(ctx, &ctx->free_packs, sizeof *p);
    gan__storage *copy = p ? gan__storage_new(ctx, bytes) : NULL;
    if (!copy) {
        if (p)
            gan__record_free(&ctx->free_packs, p);
        return NULL;
    }
    *p = (gan__pack){storage->packs, key, ctx->pack_epoch, copy};
    storage->packs = p;
    return copy->data;
}

const gan__services gan__core_services = {gan__workspace, gan__workspace_free, gan__pack_find, gan__pack_add};
