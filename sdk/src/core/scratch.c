/* scratch.c - host memory for the SDK's own lists, kept between uses: a step that has run once asks the system for
 * none. */
#include <stdlib.h>

#include "internal.h"

struct gan__scratch {
    gan__scratch *next; /* while it is not used */
    size_t capacity;
    max_align_t memory[];
};

enum { LEAST = 4096 };

void *gan__scratch_new(gan_context *ctx, size_t bytes)
{
    gan__allocator *a = &ctx->allocator;
    if ((a->fail_after && --a->fail_after == 0) || bytes > SIZE_MAX / 4)
        return NULL;
    for (gan__scratch **link = &ctx->free_scratch; *link; link = &(*link)->next) {
        gan__scratch *s = *link;
        if (s->capacity < bytes)
            continue;
        *link = s->next;
        return s->memory;
    }
    size_t capacity = LEAST;
    while (capacity < bytes)
        capacity *= 2;
    gan__scratch *s = malloc(sizeof *s + capacity);
    if (!s)
        return NULL;
    a->stats.system_allocations++;
    s->capacity = capacity;
    return s->memory;
}

void gan__scratch_free(gan_context *ctx, void *memory)
{
    if (!memory)
        return;
    gan__scratch *s = (gan__scratch *)((char *)memory - offsetof(gan__scratch, memory));
    s->next = ctx->free_scratch;
    ctx->free_scratch = s;
}

void gan__scratch_finish(gan_context *ctx)
{
    for (gan__scratch *s = ctx->free_scratch, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    ctx->free_scratch = NULL;
}
