// A sweep becomes pillars, as operations/pillars.rs says: the same cells, the same sums (of integers), the same bits.

struct Placement {
    float rows[12]; // from the lidar to base_link: 3 x (rotation, offset)
    float reach_m, cell_m, size;
    float low_m, high_m;
    float own_m[4]; // x from, x to, y from, y to
    u32 columns;
};

struct Position {
    float x, y, z;
    u32 cell;
};

__device__ inline Position placed(const Placement& p, float x, float y, float z) {
    const float* r = p.rows;
    Position at;
    at.x = r[0] * x + r[1] * y + r[2] * z + r[3];
    at.y = r[4] * x + r[5] * y + r[6] * z + r[7];
    at.z = r[8] * x + r[9] * y + r[10] * z + r[11];
    float row = (at.x + p.reach_m) / p.cell_m, column = (at.y + p.reach_m) / p.cell_m;
    bool inside = row >= 0.0f && row < p.size && column >= 0.0f && column < p.size && at.z >= p.low_m && at.z <= p.high_m;
    bool own = at.x > p.own_m[0] && at.x < p.own_m[1] && at.y > p.own_m[2] && at.y < p.own_m[3];
    at.cell = inside && !own ? (u32)row * p.columns + (u32)column : NONE;
    return at;
}

struct Cell {
    u64 sum;      // of z in units of 2^-24 m, two's complement
    u32 count;
    u32 highest;  // key_of(z), or 0
    u32 not_lowest; // ~key_of(z), or 0
    u32 slices;   // bit i: a point lies in height slice i
};

struct GatherPillars {
    Placement placement;
    const float *x, *y, *z;
    Cell* cells;
    u32 points, inner_edges;
    float edges_m[32];
};

KERNEL(gather_pillars, GatherPillars) {
    u32 i = thread();
    if (i >= a.points) return;
    Position at = placed(a.placement, a.x[i], a.y[i], a.z[i]);
    if (at.cell == NONE) return;
    u32 slice = 0;
    for (u32 e = 0; e < a.inner_edges; e++) slice += at.z >= a.edges_m[e];
    Cell* cell = a.cells + at.cell;
    u32 key = key_of(at.z);
    atomicAdd(&cell->sum, (u64)(long long)(at.z * 16777216.0f));
    atomicAdd(&cell->count, 1u);
    atomicMax(&cell->highest, key);
    atomicMax(&cell->not_lowest, ~key);
    atomicOr(&cell->slices, 1u << slice);
}

struct WritePillars {
    Cell* cells;
    float* tensor;
    const float* count_features; // of 0, 1, ... points
    u32 plane, channels, known_counts;
};

// One index for each cell. Leaves the cells empty for the next sweep.
KERNEL(write_pillars, WritePillars) {
    u32 i = thread();
    if (i >= a.plane) return;
    Cell cell = a.cells[i];
    float highest = 0.0f, lowest = 0.0f, mean = 0.0f, count = 0.0f;
    if (cell.count > 0) {
        highest = number_of(cell.highest) / 2.0f;
        lowest = number_of(~cell.not_lowest) / 2.0f;
        mean = (float)(long long)cell.sum * 5.9604644775390625e-8f / (float)cell.count / 2.0f;
        count = cell.count < a.known_counts ? a.count_features[cell.count] : logf(1.0f + (float)cell.count) / 4.0f;
        Cell empty = {0, 0, 0, 0, 0};
        a.cells[i] = empty;
    }
    float* feature = a.tensor + i;
    feature[0] = highest;
    feature[a.plane] = lowest;
    feature[2 * a.plane] = mean;
    feature[3 * a.plane] = count;
    for (u32 c = 4; c < a.channels; c++) feature[c * a.plane] = (float)(cell.slices >> (c - 4) & 1u);
}

// A box with the sine and cosine of its heading.
struct Upright {
    double x, y, z, half_length, half_width, half_height, sine, cosine;
};

struct CountPoints {
    Placement placement;
    const float *x, *y, *z;
    const Upright* boxes;
    u32* counts;
    u32 points, box_count;
};

// How many points lie in each box, as operations/count.rs says.
KERNEL(count_points, CountPoints) {
    u32 i = thread();
    if (i >= a.points) return;
    Position at = placed(a.placement, a.x[i], a.y[i], a.z[i]);
    if (at.cell == NONE) return;
    for (u32 b = 0; b < a.box_count; b++) {
        const Upright* box = a.boxes + b;
        double dx = (double)at.x - box->x, dy = (double)at.y - box->y, dz = (double)at.z - box->z;
        if (fabs(dz) <= box->half_height && fabs(box->cosine * dx + box->sine * dy) <= box->half_length &&
            fabs(box->cosine * dy - box->sine * dx) <= box->half_width)
            atomicAdd(a.counts + b, 1u);
    }
}
