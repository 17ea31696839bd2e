// What a network says becomes a short list, as operations/{centers,boxes,distances}.rs say: what cannot become a box stays on the device. The
// list comes in the order of arrival; whoever reads it sorts it by keys that never tie. Numbers are passed on as they are, the processor makes
// boxes of them.

// What leads every list.
struct Header {
    u32 count;
    u32 bad; // values from the first number that is not finite to the end, or 0; for each of three outputs
    u32 bad_second, bad_third;
};

struct FindBroken {
    const float* values;
    u32* bad;
    u32 count;
};

KERNEL(find_broken, FindBroken) {
    u32 i = thread();
    if (i < a.count && !is_finite(a.values[i])) atomicMax(a.bad, a.count - i);
}

struct CenterFound {
    u32 plane, cell; // class, row * columns + column
    float heat, overlap;
    float numbers[8];
};

struct PickCenters {
    const float *heat, *boxes, *overlap;
    Header* header;
    CenterFound* found;
    u32 rows, columns, classes;
    float threshold;
};

// One index for each class and cell.
KERNEL(pick_centers, PickCenters) {
    u32 i = thread(), plane = a.rows * a.columns;
    if (i >= plane * a.classes) return;
    float heat = a.heat[i];
    if (!(heat >= a.threshold)) return;
    u32 cell = i % plane, row = cell / a.columns, column = cell % a.columns;
    const float* map = a.heat + (i - cell);
    u32 top = row > 0 ? row - 1 : 0, bottom = row + 1 < a.rows ? row + 1 : row;
    u32 left = column > 0 ? column - 1 : 0, right = column + 1 < a.columns ? column + 1 : column;
    for (u32 r = top; r <= bottom; r++)
        for (u32 c = left; c <= right; c++)
            if (heat < map[r * a.columns + c]) return;
    CenterFound* found = a.found + atomicAdd(&a.header->count, 1u);
    found->plane = i / plane;
    found->cell = cell;
    found->heat = heat;
    found->overlap = a.overlap[cell];
    for (u32 n = 0; n < 8; n++) found->numbers[n] = a.boxes[n * plane + cell];
}

struct CellFound {
    u32 anchor, best;
    float score;
    float numbers[4];
};

struct PickCells {
    const float* scores;
    const float* boxes;
    Header* header;
    CellFound* found;
    u32 cells, classes;
    float threshold;
};

__device__ inline u32 first_best(const float* scores, u32 classes) {
    u32 best = 0;
    for (u32 c = 1; c < classes; c++)
        if (scores[c] > scores[best]) best = c;
    return best;
}

// FCOS: scores (cells x classes) and distances (cells x 4).
KERNEL(pick_distances, PickCells) {
    u32 i = thread();
    if (i >= a.cells) return;
    const float* scores = a.scores + (u64)i * a.classes;
    u32 best = first_best(scores, a.classes);
    if (!(scores[best] >= a.threshold)) return;
    CellFound* found = a.found + atomicAdd(&a.header->count, 1u);
    found->anchor = i;
    found->best = best;
    found->score = scores[best];
    for (u32 n = 0; n < 4; n++) found->numbers[n] = a.boxes[4 * i + n];
}

// YOLOX: each row is x, y, width, height, objectness and the scores of the classes.
KERNEL(pick_anchors, PickCells) {
    u32 i = thread();
    if (i >= a.cells) return;
    const float* row = a.scores + (u64)i * (5 + a.classes);
    if (row[4] < a.threshold) return;
    u32 best = first_best(row + 5, a.classes);
    float score = row[4] * row[5 + best];
    if (!(score >= a.threshold)) return;
    CellFound* found = a.found + atomicAdd(&a.header->count, 1u);
    found->anchor = i;
    found->best = best;
    found->score = score;
    for (u32 n = 0; n < 4; n++) found->numbers[n] = row[n];
}
