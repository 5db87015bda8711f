#include "data/shuffle.h"

#include "core/philox.h"
#include "data/source.h"

/* Fisher and Yates, 1938, in the form of Durstenfeld (Communications of the ACM, 1964). A word is mapped to a place by
 * multiplication; the bias, below n / 2^32, cannot be seen in any run. */
void gan__shuffle(uint64_t seed, uint64_t epoch, uint32_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    uint32_t words[4];
    uint64_t counter = 0;
    int used = 4;
    for (int64_t i = n - 1; i > 0; i--) {
        if (used == 4) {
            gan__philox(seed, GAN__STREAM_SHUFFLE + epoch, counter++, &words[0], &words[1], &words[2], &words[3]);
            used = 0;
        }
        int64_t other = (int64_t)((uint64_t)words[used++] * (uint64_t)(i + 1) >> 32);
        uint32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}
