/* fiber.h - stacks to switch between, for threads of a block that wait. Internal to the emulation. */
#ifndef GAN_EMULATED_FIBER_H
#define GAN_EMULATED_FIBER_H

typedef struct gan_emulated_fiber gan_emulated_fiber;

/* A fiber that calls body() whenever it is entered anew; NULL when there is no memory. They are kept for ever. */
gan_emulated_fiber *gan_emulated_fiber_new(void (*body)());
/* Go on in `fiber`, or begin its body, until it leaves. */
void gan_emulated_fiber_enter(gan_emulated_fiber *fiber);
/* Back to whoever entered; called in a fiber. When its body returns, a fiber leaves too. */
void gan_emulated_fiber_leave();

#endif
