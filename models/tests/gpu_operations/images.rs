//! Images to tensors.

use crate::scenes::Noise;
use crate::{Tensor, assert_same};
use models::{
    ChannelOrder, ImageSpec,
    gpu::{Device, operations::DeviceImage},
    operations::image::ImageToTensor,
};

fn images_are_the_references<D: Device>(device: &D, name: &str) {
    let plain = ImageSpec { channels: ChannelOrder::Rgb, scale: 1.0 / 255.0, mean: [0.0; 3], std: [1.0; 3], pad: 114 };
    let scaled =
        ImageSpec { channels: ChannelOrder::Bgr, scale: 0.5, mean: [1.0, 2.0, 3.0], std: [1.0, 2.0, 4.0], pad: 10 };
    let mut noise = Noise(4);
    for (spec, [rows, columns]) in [(&plain, [352, 640]), (&scaled, [96, 160])] {
        let mut images = DeviceImage::new(device, spec, rows, columns).unwrap();
        let mut reference = ImageToTensor::new(spec, rows, columns);
        for [width, height] in
            [[1242, 375], [640, 352], [1, 1], [64, 48], [1242, 375], [1920, 1080], [4000, 3], [3, 4000]]
        {
            let rgb: Vec<u8> = (0..3 * width * height).map(|_| (256.0 * noise.next()) as u8).collect();
            let mut tensor = Tensor::dirty(device, 3 * rows * columns);
            let mut expected = vec![0.0; 3 * rows * columns];
            // SAFETY: the tensor is memory of this device for all channels and pixels.
            let ratio = unsafe { images.fill(&rgb, width, height, tensor.address()) }.unwrap();
            assert_eq!(ratio, reference.fill(&rgb, width, height, &mut expected), "{name}: {width} x {height}");
            assert_same(&format!("{name}: {width} x {height}"), &tensor.read(), &expected);
        }
        for (bytes, width, height) in [(5, 2, 1), (0, 0, 1), (6, usize::MAX, 2)] {
            // SAFETY: images that do not match their size are refused before anything is written.
            assert_eq!(unsafe { images.fill(&vec![0; bytes], width, height, 0) }.unwrap(), None);
        }
    }
}

#[test]
fn images() {
    on_every_backend!(images_are_the_references);
}
