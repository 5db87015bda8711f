/* ticks.h - round values along an axis, and their labels. Internal to image/. */
#ifndef GAN_IMAGE_TICKS_H
#define GAN_IMAGE_TICKS_H

#define GAN__TICK_TEXT 32

typedef struct gan__ticks {
    int n;
    double first;    /* in steps: tick i is at (first + i) * step */
    double step;     /* 1, 2 or 5 times a power of ten */
    double greatest; /* of the ticks' absolute values */
} gan__ticks;

/* At most about `wanted` ticks in [low, high], low < high. */
gan__ticks gan__ticks_find(double low, double high, int wanted);
double gan__tick_value(const gan__ticks *ticks, int i);
/* As many digits as tell the ticks apart; thousands as k, M, G; powers of ten where plain digits would be long. */
void gan__tick_text(const gan__ticks *ticks, int i, char out[GAN__TICK_TEXT]);

#endif
