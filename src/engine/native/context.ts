/**
 * The C++ code that is compiled with tfjs-node's addon. By itself, the addon makes a context of
 * TensorFlow's eager API and does not expose it. With this code, it takes the context that Rocket
 * has made, so that Rocket can add functions to it. The sources of tfjs-node stay unchanged:
 * {@linkcode CONTEXT_FLAG} makes their call of `TFE_NewContext` a call of the function below.
 */
export const CONTEXT_SOURCE = `#undef TFE_NewContext
#include "tensorflow/c/eager/c_api.h"

static TFE_Context* context = nullptr;

extern "C" __attribute__((visibility("default"))) void rocket_use_context(TFE_Context* made) {
  context = made;
}

extern "C" TFE_Context* rocket_new_context(const TFE_ContextOptions* options, TF_Status* status) {
  return context ? context : TFE_NewContext(options, status);
}
`;

/** The compiler's flag for all sources of the addon. */
export const CONTEXT_FLAG = "-DTFE_NewContext=rocket_new_context";
