//! Cells and anchors of a camera network on the device: [`crate::operations::distances`] and [`crate::operations::boxes`].

use super::bytes::{count, values_of};
use crate::{
    ModelError,
    gpu::{
        Device,
        kernels::{CellFound, FindBroken, Header, PICK_ANCHORS, PICK_DISTANCES, PickCells, launch},
    },
    operations::{
        boxes::{Candidate, anchor_box, grid_cells},
        distances::distance_box,
    },
};

/// So many candidates come with the first copy. The others take a second.
const AT_ONCE: usize = 512;

/// What a camera network says of each cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// FCOS: scores, and distances to four edges.
    Distances,
    /// YOLOX: a row of 5 + classes numbers.
    Anchors,
}

/// Picks the cells that reach the threshold and makes boxes of them.
pub struct DeviceCells<D: Device> {
    device: D,
    kind: CellKind,
    /// Column, row and stride of each.
    cells: Vec<(f32, f32, f32)>,
    classes: usize,
    threshold: f32,
    /// A header, then what was found: room for every cell.
    list: D::Memory,
    staging: D::Staging,
    found: Vec<CellFound>,
}

impl<D: Device> DeviceCells<D> {
    /// For tensors of `size` (columns, rows) px with one grid of cells for each stride; no more than `rows` of cells are in the output.
    ///
    /// # Errors
    /// The device's own.
    pub fn new(
        device: &D,
        kind: CellKind,
        size: [usize; 2],
        strides: &[usize],
        rows: usize,
        classes: usize,
        threshold: f32,
    ) -> Result<Self, ModelError> {
        let cells: Vec<_> = if classes == 0 { Vec::new() } else { grid_cells(size, strides).take(rows).collect() };
        let bytes = size_of::<Header>() + cells.len() * size_of::<CellFound>();
        Ok(Self {
            list: device.memory(bytes)?,
            staging: device.staging(bytes)?,
            device: device.clone(),
            kind,
            cells,
            classes,
            threshold,
            found: Vec::new(),
        })
    }

    /// Asks for the candidates of the outputs, at the addresses of the scores or anchors, and of the distances. `numbers` says how many
    /// each holds.
    ///
    /// # Errors
    /// The device's own.
    ///
    /// # Safety
    /// The addresses must be memory of this device of that size: rows x (5 + classes) of anchors, or rows x classes and rows x 4.
    #[allow(unsafe_code)]
    pub unsafe fn pick(&mut self, outputs: [u64; 2], numbers: [usize; 2]) -> Result<(), ModelError> {
        self.device.zero(&self.list, size_of::<Header>())?;
        let header = D::address(&self.list);
        for ((values, numbers), at) in outputs.into_iter().zip(numbers).zip([4, 8]) {
            let arguments = FindBroken { values, bad: header + at, count: count(numbers)? };
            // SAFETY: the caller answers for the outputs; the header has a place for each of them.
            unsafe { launch(&self.device, &arguments, numbers)? };
        }
        let arguments = PickCells {
            scores: outputs[0],
            boxes: outputs[1],
            header,
            found: header + size_of::<Header>() as u64,
            cells: count(self.cells.len())?,
            classes: count(self.classes)?,
            threshold: self.threshold,
        };
        let kernel = match self.kind {
            CellKind::Distances => PICK_DISTANCES,
            CellKind::Anchors => PICK_ANCHORS,
        };
        // SAFETY: both kernels take these arguments; the caller answers for the outputs; the list has room for every cell.
        unsafe { self.device.launch(kernel, (&raw const arguments).cast(), self.cells.len())? };
        let first = size_of::<Header>() + AT_ONCE.min(self.cells.len()) * size_of::<CellFound>();
        self.device.download(&self.list, 0, first, &mut self.staging)
    }

    /// Waits for what `pick` asked for and puts the candidates into `candidates`, as the reference gives them. For each output, which
    /// hold so many `numbers`, the index of its first number that is not finite.
    ///
    /// # Errors
    /// The device's own.
    pub fn candidates(
        &mut self,
        numbers: [usize; 2],
        candidates: &mut Vec<Candidate>,
    ) -> Result<[Option<usize>; 2], ModelError> {
        self.device.wait()?;
        let header = values_of::<Header>(&self.staging, 0, 1).next();
        let Header { count, bad } = header.unwrap_or(Header { count: 0, bad: [0; 3] });
        let count = (count as usize).min(self.cells.len());
        if count > AT_ONCE {
            let bytes = size_of::<Header>() + count * size_of::<CellFound>();
            self.device.download(&self.list, 0, bytes, &mut self.staging)?;
            self.device.wait()?;
        }
        self.found.clear();
        self.found.extend(values_of::<CellFound>(&self.staging, size_of::<Header>(), count));
        self.found.sort_unstable_by_key(|found| found.anchor);
        candidates.clear();
        candidates.extend(self.found.iter().filter_map(|found| {
            let anchor = found.anchor as usize;
            let cell = *self.cells.get(anchor)?;
            let bbox = match self.kind {
                CellKind::Distances => distance_box(found.numbers, cell)?,
                CellKind::Anchors => anchor_box(found.numbers, cell)?,
            };
            Some(Candidate { bbox, class: found.class as usize, score: found.score, anchor })
        }));
        Ok([0, 1].map(|output: usize| numbers[output].checked_sub(bad[output] as usize).filter(|_| bad[output] > 0)))
    }
}
