// What the kernels need when they are compiled as C++ for the processor: one index after the other, in an order that the caller chooses.
#define CHAUFFEUR_HOST
#include <cmath>
using std::signbit;
#include <string.h>

#define __device__
static unsigned current_index;
static inline unsigned thread() { return current_index; }
static inline unsigned bits_of(float value) { unsigned bits; memcpy(&bits, &value, 4); return bits; }
static inline float float_of(unsigned bits) { float value; memcpy(&value, &bits, 4); return value; }

template <class T> static T atomicAdd(T* at, T value) { T old = *at; *at = old + value; return old; }
template <class T> static T atomicMax(T* at, T value) { T old = *at; if (value > old) *at = value; return old; }
template <class T> static T atomicOr(T* at, T value) { T old = *at; *at = old | value; return old; }

// Whole blocks run, as on the device. Order 0 is rising, 1 is falling, 2 takes every 97th first.
#define KERNEL(name, Arguments)                                                          \
    static void name##_at(const Arguments& a);                                           \
    extern "C" void name(const void* arguments, unsigned indices, unsigned order) {      \
        unsigned all = (indices + 255) / 256 * 256;                                      \
        unsigned stride = order == 2 ? 97 : 1;                                           \
        for (unsigned start = 0; start < stride; start++)                                \
            for (unsigned i = start; i < all; i += stride) {                             \
                current_index = order == 1 ? all - 1 - i : i;                            \
                name##_at(*(const Arguments*)arguments);                                 \
            }                                                                            \
    }                                                                                    \
    static void name##_at(const Arguments& a)
