//! A street that is made here, for the tests of our own networks.

use types::PointCloud;

/// Cars, a person and a wall on flat ground, as a lidar of 64 beams at 1.73 m sees them: x, y, length, width, height. The scene shifts with `frame`.
pub fn sweep(frame: u16) -> PointCloud {
    let shift = 0.3 * f32::from(frame);
    let scene = [
        [12.0 + shift, 0.5, 4.4, 1.8, 1.5],
        [20.0, -5.0 + shift, 4.6, 1.9, 1.6],
        [8.0, 4.0, 0.5, 0.6, 1.75],
        [6.0, -9.0, 30.0, 0.4, 3.0],
    ];
    let mut cloud = PointCloud::default();
    for beam in 0..64u16 {
        let pitch = (2.0 - 26.8 * f32::from(beam) / 63.0).to_radians();
        for column in 0..2048u16 {
            let azimuth = f32::from(column) / 2048.0 * std::f32::consts::TAU;
            let ray = [azimuth.cos() * pitch.cos(), azimuth.sin() * pitch.cos(), pitch.sin()];
            let ground = if ray[2] < 0.0 { -1.73 / ray[2] } else { f32::INFINITY };
            let range = scene.iter().map(|shape| distance(ray, shape)).fold(ground, f32::min);
            if range < 80.0 {
                cloud.x.push(ray[0] * range);
                cloud.y.push(ray[1] * range);
                cloud.z.push(ray[2] * range);
                cloud.intensity.push(0.3);
            }
        }
    }
    cloud
}

/// Along a ray from the lidar to a box that stands on the ground (slab method).
fn distance(ray: [f32; 3], &[x, y, length, width, height]: &[f32; 5]) -> f32 {
    let (center, half) = ([x - 0.76, y, 0.5 * height - 1.73], [0.5 * length, 0.5 * width, 0.5 * height]);
    let (mut enter, mut leave) = (0.0f32, f32::INFINITY);
    for axis in 0..3 {
        let [a, b] = [center[axis] - half[axis], center[axis] + half[axis]].map(|side| side / ray[axis]);
        (enter, leave) = (enter.max(a.min(b)), leave.min(a.max(b)));
    }
    if enter < leave { enter } else { f32::INFINITY }
}
