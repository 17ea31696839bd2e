//! The kernels' source and the structures they take, as `repr(C)` twins of those in the source.

use super::Device;
use crate::ModelError;

/// The source of all kernels, one translation unit.
pub const SOURCE: &str = concat!(
    include_str!("kernels/prelude.cu"),
    include_str!("kernels/pillars.cu"),
    include_str!("kernels/outputs.cu"),
    include_str!("kernels/image.cu"),
    include_str!("kernels/range.cu"),
);

/// The kernels in it.
pub const KERNELS: [&str; 10] = [
    GatherPillars::NAME,
    WritePillars::NAME,
    CountPoints::NAME,
    FindBroken::NAME,
    PickCenters::NAME,
    PICK_DISTANCES,
    PICK_ANCHORS,
    FillImage::NAME,
    ProjectPoints::NAME,
    WriteRanges::NAME,
];

/// Heights of slices that a kernel takes at most.
pub(crate) const MAX_EDGES: usize = 32;
pub(crate) const PICK_DISTANCES: &str = "pick_distances";
pub(crate) const PICK_ANCHORS: &str = "pick_anchors";

/// The structure that a kernel takes.
pub(crate) trait Arguments: Copy {
    /// The kernel.
    const NAME: &'static str;
}

/// Runs the kernel of these arguments.
///
/// # Safety
/// As [`Device::launch`]: the addresses must be the device's, of memory that is large enough.
#[allow(unsafe_code)]
pub(crate) unsafe fn launch<D: Device, A: Arguments>(
    device: &D,
    arguments: &A,
    indices: usize,
) -> Result<(), ModelError> {
    // SAFETY: the type says which kernel takes it; the caller answers for the addresses.
    unsafe { device.launch(A::NAME, std::ptr::from_ref(arguments).cast(), indices) }
}

macro_rules! arguments {
    ($($(#[$doc:meta])* $type:ident = $name:literal { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $type { $(pub $field: $kind),* }
        impl Arguments for $type { const NAME: &'static str = $name; }
    )*};
}

/// From the lidar's frame to `base_link` and to the cell.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacementArguments {
    pub rows: [[f32; 4]; 3],
    pub reach_m: f32,
    pub cell_m: f32,
    pub size: f32,
    pub heights_m: [f32; 2],
    pub own_m: [[f32; 2]; 2],
    pub columns: u32,
}

/// Bytes of a cell.
pub(crate) const CELL_BYTES: usize = 24;

/// A box with the sine and cosine of its heading.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct UprightArguments {
    pub center: [f64; 3],
    pub half: [f64; 3],
    pub sin_cos: [f64; 2],
}

/// What leads every list of candidates.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub count: u32,
    pub bad: [u32; 3],
}

/// A peak of a heat map and what the network says there.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct CenterFound {
    pub class: u32,
    pub cell: u32,
    pub heat: f32,
    pub overlap: f32,
    pub numbers: [f32; 8],
}

/// An anchor or cell of a camera network that reaches the threshold.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellFound {
    pub anchor: u32,
    pub class: u32,
    pub score: f32,
    pub numbers: [f32; 4],
}

/// The source pixels of a target pixel, and where their weights begin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanArguments {
    pub first: u32,
    pub weights: u32,
    pub count: u32,
}

/// The map from directions to pixels.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct LensArguments {
    pub size: [u32; 2],
    pub down: f32,
    pub fov: f32,
    pub row_at_level: f32,
    pub rows_per_radian: f32,
    pub column_reach: f32,
    pub row_reach: f32,
}

arguments! {
    GatherPillars = "gather_pillars" {
        placement: PlacementArguments, x: u64, y: u64, z: u64, cells: u64, points: u32, inner_edges: u32, edges_m: [f32; MAX_EDGES],
    }
    WritePillars = "write_pillars" {
        cells: u64, tensor: u64, count_features: u64, plane: u32, channels: u32, known_counts: u32,
    }
    CountPoints = "count_points" {
        placement: PlacementArguments, x: u64, y: u64, z: u64, boxes: u64, counts: u64, points: u32, box_count: u32,
    }
    FindBroken = "find_broken" { values: u64, bad: u64, count: u32 }
    PickCenters = "pick_centers" {
        heat: u64, boxes: u64, overlap: u64, header: u64, found: u64, rows: u32, columns: u32, classes: u32, threshold: f32,
    }
    FillImage = "fill_image" {
        rgb: u64, tensor: u64, across: u64, down: u64, across_weights: u64, down_weights: u64, tables: u64,
        rows: u32, columns: u32, width: u32, height: u32, source_width: u32, offsets: [u32; 3], pad: u32,
    }
    ProjectPoints = "project_points" {
        lens: LensArguments, x: u64, y: u64, z: u64, pixel_of_point: u64, range_of_point: u64, nearest: u64, points: u32,
    }
    WriteRanges = "write_ranges" {
        nearest: u64, x: u64, y: u64, z: u64, intensity: u64, range_of_point: u64, point_of_pixel: u64, image: u64, mask: u64,
        pixels: u32,
    }
}

/// Of both kernels that look at the cells of a camera network.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct PickCells {
    pub scores: u64,
    pub boxes: u64,
    pub header: u64,
    pub found: u64,
    pub cells: u32,
    pub classes: u32,
    pub threshold: f32,
}
