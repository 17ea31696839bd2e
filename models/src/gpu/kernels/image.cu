// An image becomes a network's input, as operations/{image,resize}.rs say, in one step: shrunk, coloured, scaled, padded; the same bits.

// The source pixels of a target pixel, and their weights.
struct Span {
    u32 first, weights, count;
};

struct FillImage {
    const u8* rgb;
    float* tensor;
    const Span *across, *down;
    const float *across_weights, *down_weights;
    const float* tables; // 3 x 256: the number for each value
    u32 rows, columns;   // of the tensor
    u32 width, height;   // that the image fills of it
    u32 source_width;
    u32 offsets[3]; // for each channel, where it lies within a pixel
    u32 pad;
};

// One index for each pixel of the tensor.
KERNEL(fill_image, FillImage) {
    u32 i = thread(), plane = a.rows * a.columns;
    if (i >= plane) return;
    u32 row = i / a.columns, column = i % a.columns;
    if (row >= a.height || column >= a.width) {
        for (u32 c = 0; c < 3; c++) a.tensor[c * plane + i] = a.tables[256 * c + a.pad];
        return;
    }
    Span down = a.down[row], across = a.across[column];
    float sums[3] = {0.5f, 0.5f, 0.5f};
    for (u32 x = 0; x < across.count; x++) {
        float line[3] = {0.0f, 0.0f, 0.0f};
        const u8* pixel = a.rgb + 3 * ((u64)down.first * a.source_width + across.first + x);
        for (u32 y = 0; y < down.count; y++) {
            float weight = a.down_weights[down.weights + y];
            for (u32 c = 0; c < 3; c++) line[c] += weight * (float)pixel[c];
            pixel += 3 * (u64)a.source_width;
        }
        float weight = a.across_weights[across.weights + x];
        for (u32 c = 0; c < 3; c++) sums[c] += weight * line[c];
    }
    u8 values[3];
    for (u32 c = 0; c < 3; c++) values[c] = (u8)sums[c];
    for (u32 c = 0; c < 3; c++) a.tensor[c * plane + i] = a.tables[256 * c + values[a.offsets[c]]];
}
