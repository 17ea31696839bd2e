//! An image to a tensor on the device: [`crate::operations::image`].

use super::bytes::{count, put, resident};
use crate::{
    ImageSpec, ModelError,
    gpu::{
        Device,
        kernels::{FillImage, SpanArguments, launch},
    },
    operations::{image::ImageToTensor, resize::Taps},
};

/// Copies of one image.
const PARTS: usize = 4;

/// Makes tensors of one shape of images.
pub struct DeviceImage<D: Device> {
    device: D,
    reference: ImageToTensor,
    /// Rows and columns of the tensor.
    size: [usize; 2],
    tables: D::Memory,
    fitted: Option<Fitted<D>>,
}

/// What depends on the size of the image; made anew when that changes.
struct Fitted<D: Device> {
    image: [usize; 2],
    filled: [usize; 2],
    ratio: f64,
    staging: D::Staging,
    rgb: D::Memory,
    /// Across and down.
    spans: [D::Memory; 2],
    weights: [D::Memory; 2],
}

impl<D: Device> DeviceImage<D> {
    /// For tensors `[1, 3, rows, columns]`.
    ///
    /// # Errors
    /// The device's own.
    pub fn new(device: &D, spec: &ImageSpec, rows: usize, columns: usize) -> Result<Self, ModelError> {
        let reference = ImageToTensor::new(spec, rows, columns);
        let tables = resident(device, reference.tables.as_flattened())?;
        Ok(Self { device: device.clone(), reference, size: [rows, columns], tables, fitted: None })
    }

    /// Asks for the tensor of an RGB image at an address, which is memory for its 3 x rows x columns numbers. Every number is written. Returns the
    /// factor from image to tensor pixels, or `None` if the image's bytes do not match its size; see [`ImageToTensor::fill`].
    ///
    /// # Errors
    /// The device's own.
    ///
    /// # Safety
    /// `tensor` must be memory of this device of that size.
    #[allow(unsafe_code)]
    pub unsafe fn fill(
        &mut self,
        rgb: &[u8],
        width: usize,
        height: usize,
        tensor: u64,
    ) -> Result<Option<f64>, ModelError> {
        let Some((ratio, filled)) = self.reference.fit(rgb.len(), width, height) else { return Ok(None) };
        let fitted = match self.fitted.take().filter(|fitted| fitted.image == [width, height]) {
            Some(fitted) => fitted,
            None => Fitted::new(&self.device, [width, height], filled, ratio)?,
        };
        let fitted = self.fitted.insert(fitted);
        // A part goes to the device while the next is put beside it.
        let mut start = 0;
        for part in rgb.chunks(rgb.len().div_ceil(PARTS)) {
            let end = put(&mut fitted.staging, start, part)?;
            self.device.upload(&fitted.staging, start..end, &fitted.rgb)?;
            start = end;
        }
        let [rows, columns] = self.size;
        let [channel_0, channel_1, channel_2] = self.reference.offsets;
        let arguments = FillImage {
            rgb: D::address(&fitted.rgb),
            tensor,
            across: D::address(&fitted.spans[0]),
            down: D::address(&fitted.spans[1]),
            across_weights: D::address(&fitted.weights[0]),
            down_weights: D::address(&fitted.weights[1]),
            tables: D::address(&self.tables),
            rows: count(rows)?,
            columns: count(columns)?,
            width: count(fitted.filled[0])?,
            height: count(fitted.filled[1])?,
            source_width: count(width)?,
            offsets: [count(channel_0)?, count(channel_1)?, count(channel_2)?],
            pad: u32::from(self.reference.pad),
        };
        // SAFETY: the image, its spans and weights are on the device; the spans stay within the image; the caller answers for the tensor.
        unsafe { launch(&self.device, &arguments, rows * columns)? };
        Ok(Some(fitted.ratio))
    }
}

impl<D: Device> Fitted<D> {
    fn new(device: &D, image: [usize; 2], filled: [usize; 2], ratio: f64) -> Result<Self, ModelError> {
        device.wait()?;
        let bytes = 3 * image[0] * image[1];
        let taps = [0, 1].map(|axis: usize| Taps::new(image[axis], filled[axis]));
        let span = |(first, weights): &(usize, std::ops::Range<usize>)| {
            Ok(SpanArguments { first: count(*first)?, weights: count(weights.start)?, count: count(weights.len())? })
        };
        let spans = |taps: &Taps| -> Result<D::Memory, ModelError> {
            let spans: Vec<SpanArguments> = taps.spans.iter().map(span).collect::<Result<_, ModelError>>()?;
            resident(device, &spans)
        };
        Ok(Self {
            image,
            filled,
            ratio,
            staging: device.staging(bytes)?,
            rgb: device.memory(bytes)?,
            spans: [spans(&taps[0])?, spans(&taps[1])?],
            weights: [resident(device, &taps[0].weights)?, resident(device, &taps[1].weights)?],
        })
    }
}
