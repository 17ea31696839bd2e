// A sweep becomes a range image, as operations/range.rs says: the nearest point of each pixel stays, of equal ranges the later point.

struct Lens {
    u32 rows, columns;
    float down, fov, row_at_level, rows_per_radian, column_reach, row_reach;
};

__device__ inline float arc_tangent(float tangent) {
    const float series[8] = {-0.016165737f, 0.042909614f, -0.07528964f, 0.10656264f, -0.142089f, 0.19993551f, -0.33333145f, 1.0f};
    float square = tangent * tangent, sum = 0.0028662257f;
    for (u32 i = 0; i < 8; i++) sum = sum * square + series[i];
    return tangent * sum;
}

__device__ inline float arc_sine(float sine) {
    const float series[4] = {0.024181312f, 0.045470026f, 0.074953004f, 0.16666752f};
    float square = sine * sine, sum = 0.0421632f;
    for (u32 i = 0; i < 4; i++) sum = sum * square + series[i];
    return sine + sine * square * sum;
}

__device__ inline float quick_column(const Lens& lens, float x, float y) {
    float wide = fabsf(x), high = fabsf(y);
    bool is_steep = wide < high;
    float octant = arc_tangent(is_steep ? wide / high : high / wide);
    float quadrant = is_steep ? 1.57079637f - octant : octant;
    float half = x < 0.0f ? 3.14159274f - quadrant : quadrant;
    return (0.5f - copysignf(half, y) * (0.5f * 0.318309873f)) * (float)lens.columns;
}

// As `angle` of operations/range/pixels.rs, step by step.
__device__ inline double angle(double y, double x) {
    const double series[11] = {1.6285820115365782e-2, -3.6531572744216916e-2, 4.9768779946159324e-2, -5.8335701337905735e-2,
                               6.661073137387531e-2,  -7.69187620504483e-2,   9.090887133436507e-2,  -1.1111110405462356e-1,
                               1.4285714272503466e-1, -1.9999999999876483e-1, 3.333333333333293e-1};
    double wide = fabs(x), high = fabs(y);
    bool is_steep = wide < high;
    double small = is_steep ? wide : high, large = is_steep ? high : wide;
    double tangent = large > 0.0 ? small / large : large;
    bool is_far = tangent > 0.414213562373095;
    double start = is_far ? 0.78539816339744830962 : 0.0, rest = is_far ? (tangent - 1.0) / (tangent + 1.0) : tangent;
    double square = rest * rest, sum = 0.0;
    for (u32 i = 0; i < 11; i++) sum = sum * square + series[i];
    double octant = start + (rest - rest * square * sum);
    double quadrant = is_steep ? 1.57079632679489661923 - octant : octant;
    double half = signbit(x) ? 3.14159265358979323846 - quadrant : quadrant;
    return copysign(half, y);
}

// The pixel of `count` in a line that holds an image coordinate; `sure` stays if the coordinate lies within `reach` of its centre.
__device__ inline u32 centred(float coordinate, u32 count, float reach, bool& sure) {
    float inside = coordinate < 0.5f ? 0.5f : coordinate;
    inside = inside > (float)count - 0.5f ? (float)count - 0.5f : inside;
    float from_first = inside - 0.5f, rounded = from_first + 12582912.0f;
    sure = sure && fabsf(from_first - (rounded - 12582912.0f)) < reach;
    return bits_of(rounded) - bits_of(12582912.0f);
}

__device__ inline u32 within(float coordinate, u32 count) {
    u32 floor = coordinate > 0.0f ? (coordinate < (float)count ? (u32)coordinate : count - 1) : 0;
    return floor < count ? floor : count - 1;
}

struct ProjectPoints {
    Lens lens;
    const float *x, *y, *z;
    u32* pixel_of_point;
    float* range_of_point;
    u64* nearest; // for each pixel: ~(bits of the range, ~index), or 0
    u32 points;
};

KERNEL(project_points, ProjectPoints) {
    u32 i = thread();
    if (i >= a.points) return;
    float x = a.x[i], y = a.y[i], z = a.z[i];
    float range = sqrtf(x * x + y * y + z * z);
    u32 pixel = NONE;
    if (range > 0.0f && range < FLOAT_INFINITY) {
        float sine = z / range;
        bool sure = fabsf(sine) <= 0.5f;
        u32 column = centred(quick_column(a.lens, x, y), a.lens.columns, a.lens.column_reach, sure);
        u32 row = centred(a.lens.row_at_level - arc_sine(sine) * a.lens.rows_per_radian, a.lens.rows, a.lens.row_reach, sure);
        if (!sure) {
            // Near an edge the formula decides.
            double exact = (double)sine;
            float yaw = (float)angle((double)y, (double)x), pitch = (float)angle(exact, sqrt((1.0 - exact) * (1.0 + exact)));
            column = within(0.5f * (-yaw / 3.14159274f + 1.0f) * (float)a.lens.columns, a.lens.columns);
            row = within((1.0f - (pitch - a.lens.down) / a.lens.fov) * (float)a.lens.rows, a.lens.rows);
        }
        pixel = row * a.lens.columns + column;
        atomicMax(a.nearest + pixel, ~((u64)bits_of(range) << 32 | (u64)~i));
    }
    a.pixel_of_point[i] = pixel;
    a.range_of_point[i] = range;
}

struct WriteRanges {
    u64* nearest;
    const float *x, *y, *z, *intensity, *range_of_point;
    u32* point_of_pixel;
    float* image; // range, x, y, z, intensity
    float* mask;
    u32 pixels;
};

// One index for each pixel. Leaves the pixels empty for the next sweep.
KERNEL(write_ranges, WriteRanges) {
    u32 i = thread();
    if (i >= a.pixels) return;
    u64 nearest = a.nearest[i];
    bool seen = nearest != 0;
    u32 point = seen ? (u32)nearest : NONE;
    a.nearest[i] = 0;
    a.point_of_pixel[i] = point;
    a.image[i] = seen ? a.range_of_point[point] : 0.0f;
    a.image[a.pixels + i] = seen ? a.x[point] : 0.0f;
    a.image[2 * a.pixels + i] = seen ? a.y[point] : 0.0f;
    a.image[3 * a.pixels + i] = seen ? a.z[point] : 0.0f;
    a.image[4 * a.pixels + i] = seen ? a.intensity[point] : 0.0f;
    a.mask[i] = seen ? 1.0f : 0.0f;
}
