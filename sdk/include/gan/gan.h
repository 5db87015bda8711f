/* gan.h - all of the SDK. */
#ifndef GAN_GAN_H
#define GAN_GAN_H

#include "version.h"
#include "status.h"
#include "context.h"
#include "tensor.h"
#include "random.h"
#include "ops.h"
#include "autograd.h"
#include "loss.h"
#include "nn.h"
#include "networks.h"
#include "style.h"
#include "growth.h"
#include "augment.h"
#include "optim.h"
#include "options.h"
#include "data.h"
#include "image.h"
#include "measure.h"
#include "io.h"
#include "model.h"
#include "graph.h"
#include "pool.h"
#include "plugin.h"

#endif
