//! Numbers, sweeps and mountings that the cases share.

use types::PointCloud;

/// Equally distributed numbers in 0..1, always the same ones (xorshift, Marsaglia 2003).
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / 16_777_216.0
    }

    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.next()
    }
}

pub fn cloud(points: impl IntoIterator<Item = [f32; 3]>) -> PointCloud {
    let mut cloud = PointCloud::default();
    for (index, [x, y, z]) in points.into_iter().enumerate() {
        cloud.x.push(x);
        cloud.y.push(y);
        cloud.z.push(z);
        cloud.intensity.push(index as f32 * 0.125);
    }
    cloud
}

/// Near points are many, far ones few, as a lidar sees them.
pub fn sweep(points: usize, seed: u64) -> PointCloud {
    let mut noise = Noise(seed);
    cloud((0..points).map(|_| {
        let (range, angle) = (60.0 * noise.next().powi(2) + 1.0, noise.between(-3.2, 3.2));
        [range * angle.cos(), range * angle.sin(), noise.between(-2.6, 1.2)]
    }))
}

/// The sweeps of the list, by name.
pub fn sweeps() -> Vec<(&'static str, PointCloud)> {
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
    let broken = bad.iter().flat_map(|&b| [[b, 9.0, 0.5], [9.0, b, 0.5], [9.0, 9.0, b], [b; 3]]);
    let edges = (-210..=210).flat_map(|n| {
        let at = n as f32 * 0.2;
        let next = |step: i32| f32::from_bits((at.to_bits() as i32 + step) as u32);
        [[at, 10.0, -1.5], [10.0, at, -1.5], [next(1), next(-1), -0.3], [next(-1), next(1), 0.0]]
    });
    let heights = (-120..120).map(|n| [12.0, 3.0, n as f32 * 0.025]);
    vec![
        ("empty", PointCloud::default()),
        ("one point", cloud([[10.0, -5.0, -1.0]])),
        ("broken points", cloud(broken)),
        ("edges of cells", cloud(edges)),
        ("edges of slices", cloud(heights)),
        ("all on the vehicle", cloud((0..999).map(|n| [n as f32 * 0.003, 0.2, -0.7]))),
        ("all in one cell", cloud((0..60_000).map(|n| [12.05, 3.05, n as f32 * 5e-5 - 1.6]))),
        ("a small sweep", sweep(999, 3)),
        ("120 000 points", sweep(120_000, 1)),
        ("200 000 points", sweep(200_000, 2)),
    ]
}
