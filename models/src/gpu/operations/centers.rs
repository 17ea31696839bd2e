//! Peaks of a heat map on the device: [`crate::operations::centers`].

use super::bytes::{count, values_of};
use crate::{
    ModelError,
    gpu::{
        Device,
        kernels::{CenterFound, FindBroken, Header, PickCenters, launch},
    },
    operations::centers::{BOX_CHANNELS, CenterBox, CenterGrid, Peak, decode_center, least_heat},
};

/// So many peaks come with the first copy: more than nearly every frame has. The others take a second.
const AT_ONCE: usize = 512;

/// Finds the peaks and makes boxes of them.
pub struct DeviceCenters<D: Device> {
    device: D,
    grid: CenterGrid,
    classes: usize,
    threshold: f32,
    /// A header, then what was found: room for every cell.
    list: D::Memory,
    staging: D::Staging,
    peaks: Vec<(Peak, CenterFound)>,
}

impl<D: Device> DeviceCenters<D> {
    /// For maps of `classes` classes on one grid, and scores of at least `threshold`.
    ///
    /// # Errors
    /// The device's own.
    pub fn new(device: &D, grid: CenterGrid, classes: usize, threshold: f32) -> Result<Self, ModelError> {
        let bytes = size_of::<Header>() + classes * grid.size[0] * grid.size[1] * size_of::<CenterFound>();
        Ok(Self {
            list: device.memory(bytes)?,
            staging: device.staging(bytes)?,
            device: device.clone(),
            grid,
            classes,
            threshold,
            peaks: Vec::new(),
        })
    }

    /// Asks for the peaks of the outputs, at the addresses of heat (classes x rows x columns), boxes (8 x rows x columns) and overlap.
    ///
    /// # Errors
    /// The device's own.
    ///
    /// # Safety
    /// The addresses must be memory of this device of that size.
    #[allow(unsafe_code)]
    pub unsafe fn pick(&mut self, [heat, boxes, overlap]: [u64; 3]) -> Result<(), ModelError> {
        self.device.zero(&self.list, size_of::<Header>())?;
        let [rows, columns] = self.grid.size;
        let plane = rows * columns;
        let header = D::address(&self.list);
        let outputs = [(heat, self.classes * plane), (boxes, BOX_CHANNELS * plane), (overlap, plane)];
        for ((values, numbers), at) in outputs.into_iter().zip([4, 8, 12]) {
            let arguments = FindBroken { values, bad: header + at, count: count(numbers)? };
            // SAFETY: the caller answers for the outputs; the header has a place for each of them.
            unsafe { launch(&self.device, &arguments, numbers)? };
        }
        let arguments = PickCenters {
            heat,
            boxes,
            overlap,
            header,
            found: header + size_of::<Header>() as u64,
            rows: count(rows)?,
            columns: count(columns)?,
            classes: count(self.classes)?,
            threshold: least_heat(self.threshold, self.grid.overlap_weight),
        };
        // SAFETY: the caller answers for the outputs; the list has room for every cell of every class.
        unsafe { launch(&self.device, &arguments, self.classes * plane)? };
        let first = size_of::<Header>() + AT_ONCE.min(self.classes * plane) * size_of::<CenterFound>();
        self.device.download(&self.list, 0, first, &mut self.staging)
    }

    /// Waits for what `pick` asked for and puts the boxes into `found`, as [`crate::operations::centers::decode_centers`] gives them. For each
    /// output the index of its first number that is not finite.
    ///
    /// # Errors
    /// The device's own.
    pub fn boxes(&mut self, found: &mut Vec<CenterBox>) -> Result<[Option<usize>; 3], ModelError> {
        self.device.wait()?;
        let plane = self.grid.size[0] * self.grid.size[1];
        let all = values_of::<Header>(&self.staging, 0, 1).next();
        let Header { count, bad } = all.unwrap_or(Header { count: 0, bad: [0; 3] });
        let count = (count as usize).min(self.classes * plane);
        if count > AT_ONCE {
            let bytes = size_of::<Header>() + count * size_of::<CenterFound>();
            self.device.download(&self.list, 0, bytes, &mut self.staging)?;
            self.device.wait()?;
        }
        self.peaks.clear();
        self.peaks.extend(values_of::<CenterFound>(&self.staging, size_of::<Header>(), count).map(|at| {
            let peak = Peak { class: at.class as usize, cell: at.cell as usize, heat: at.heat };
            (peak, at)
        }));
        self.peaks.sort_unstable_by(|(a, _), (b, _)| a.by_heat(b));
        found.clear();
        let decode =
            |(peak, at): &(Peak, CenterFound)| decode_center(peak, at.numbers, at.overlap, &self.grid, self.threshold);
        found.extend(self.peaks.iter().filter_map(decode));
        let numbers = [self.classes * plane, BOX_CHANNELS * plane, plane];
        Ok([0, 1, 2].map(|output: usize| numbers[output].checked_sub(bad[output] as usize).filter(|_| bad[output] > 0)))
    }
}
