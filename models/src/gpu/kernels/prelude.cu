// What every kernel starts from. A kernel takes one structure by value and works for one index, thread(): it shares nothing with its
// neighbours but through integer atomics whose result does not depend on who comes first. So the same text compiles as C++ for the
// processor (host.h), where a test runs it index by index, in any order, against the Rust reference.
//
// Compiled without fused multiply-add and with divisions and roots rounded as IEEE 754 says: single steps give the same bits
// as on the processor.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef CHAUFFEUR_HOST
#define KERNEL(name, Arguments) extern "C" __global__ void __launch_bounds__(256) name(const Arguments a)
__device__ inline u32 thread() { return blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline u32 bits_of(float value) { return __float_as_uint(value); }
__device__ inline float float_of(u32 bits) { return __uint_as_float(bits); }
#endif

// Not a number where the caller marks "no cell", "no pixel".
#define NONE 0xffffffffu
// NONE of a range that is being decided.
#define FLOAT_INFINITY float_of(0x7f800000u)

// Integers in the order of the numbers; negative zero comes before zero. Never 0 and never NONE for a finite number.
__device__ inline u32 key_of(float value) {
    u32 bits = bits_of(value);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ inline float number_of(u32 key) { return float_of(key & 0x80000000u ? key & 0x7fffffffu : ~key); }

// Not NaN and not an infinity.
__device__ inline bool is_finite(float value) { return (bits_of(value) & 0x7f800000u) != 0x7f800000u; }
