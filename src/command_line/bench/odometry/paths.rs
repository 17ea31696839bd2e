//! Paths of one drive beside each other: length, end, distances, and the spread of what stands still.

use anyhow::{Context, bail};
use nalgebra::{Isometry3, Matrix3, Point3, Rotation2, Rotation3, Translation3, UnitQuaternion, Vector2, Vector3};
use recordings::kitti::Label;
use std::collections::BTreeMap;
use std::path::Path as File;

/// A labelled object stands if the means of its first and its last frames lie nearer than this by the first path, m.
const STANDING_M: f64 = 1.0;
/// Frames of those means, and least frames of an object that is judged.
const ENDS: usize = 10;
const FEWEST_FRAMES: usize = 30;

/// The path that others are measured by, if it is known.
pub const TRUTH: &str = "truth";

/// A path of `base_link`.
#[derive(Clone, Debug)]
pub struct Path {
    pub name: &'static str,
    /// By frame.
    poses: BTreeMap<u64, Isometry3<f64>>,
}

impl Path {
    pub fn new(name: &'static str) -> Self {
        Self { name, poses: BTreeMap::new() }
    }

    pub fn push(&mut self, frame: u64, pose: Isometry3<f64>) {
        self.poses.insert(frame, pose);
    }

    pub fn extend(&mut self, all: impl IntoIterator<Item = (u64, Isometry3<f64>)>) {
        self.poses.extend(all);
    }

    /// Writes the poses, one row each: 12 numbers, 3x4 row major.
    pub fn write(&self, file: &File) -> anyhow::Result<()> {
        let row = |pose: &Isometry3<f64>| {
            let matrix = pose.to_homogeneous();
            let numbers: Vec<String> = (0..12).map(|i| format!("{:.6}", matrix[(i / 4, i % 4)])).collect();
            numbers.join(" ") + "\n"
        };
        let text: String = self.poses.values().map(row).collect();
        std::fs::write(file, text).with_context(|| format!("{}", file.display()))
    }

    pub fn is_empty(&self) -> bool {
        self.poses.is_empty()
    }

    fn first(&self) -> Isometry3<f64> {
        self.poses.values().next().copied().unwrap_or_default()
    }

    fn length_m(&self) -> f64 {
        let places = self.poses.values().map(|pose| pose.translation.vector);
        places.clone().zip(places.skip(1)).map(|(a, b)| (b - a).norm()).sum()
    }

    /// Root mean square and largest distance to another path, both from their first poses.
    fn apart_m(&self, other: &Self) -> [f64; 2] {
        let (own, others) = (self.first().inverse(), other.first().inverse());
        let both = self.poses.iter().filter_map(|(frame, pose)| Some((pose, other.poses.get(frame)?)));
        let apart = |(a, b): (&Isometry3<f64>, &Isometry3<f64>)| {
            ((own * a).translation.vector - (others * b).translation.vector).norm()
        };
        let distances: Vec<f64> = both.map(apart).collect();
        [root_mean_square(&distances), distances.iter().copied().fold(0.0, f64::max)]
    }

    /// Root mean square distance to another path in the plane once the whole of it is laid on the other as well as it can be, and of the heights from
    /// the first poses. The first fix of GPS/INS is turned by a tenth of a degree, and this does not count there.
    fn fitted_m(&self, other: &Self) -> [f64; 2] {
        let both = self.poses.iter().filter_map(|(frame, pose)| Some((pose, other.poses.get(frame)?)));
        let places: Vec<[Vector3<f64>; 2]> =
            both.map(|(own, other)| [own.translation.vector, other.translation.vector]).collect();
        let Some(&[own_first, other_first]) = places.first() else { return [f64::NAN; 2] };
        let count = places.len() as f64;
        let [own_mean, other_mean] =
            [0, 1].map(|which| places.iter().map(|pair| pair[which].xy()).sum::<Vector2<f64>>() / count);
        let centred = || places.iter().map(|[own, other]| (own.xy() - own_mean, other.xy() - other_mean));
        let (cos, sin) =
            centred().fold((0.0, 0.0), |(cos, sin), (own, other)| (cos + own.dot(&other), sin + own.perp(&other)));
        let turn = Rotation2::new(f64::atan2(sin, cos));
        let plane: Vec<f64> = centred().map(|(own, other)| (turn * own - other).norm()).collect();
        let up = |[own, other]: &[Vector3<f64>; 2]| (own.z - own_first.z) - (other.z - other_first.z);
        [root_mean_square(&plane), root_mean_square(&places.iter().map(up).collect::<Vec<_>>())]
    }

    /// Where an object's labels are in the world, by this path.
    fn places(&self, labels: &[&Label]) -> Vec<Vector3<f64>> {
        let place = |label: &&Label| Some((self.poses.get(&label.frame)? * Point3::from(label.bbox.center)).coords);
        labels.iter().filter_map(place).collect()
    }
}

/// Root mean square distance from the mean place, in the plane and in space.
fn spread_m(places: &[Vector3<f64>]) -> [f64; 2] {
    let mean = places.iter().sum::<Vector3<f64>>() / places.len().max(1) as f64;
    [2, 3].map(|axes| root_mean_square(&places.iter().map(|p| (p - mean).rows(0, axes).norm()).collect::<Vec<_>>()))
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

fn stands(path: &Path, labels: &[&Label]) -> bool {
    let places = path.places(labels);
    let mean = |part: &[Vector3<f64>]| part.iter().sum::<Vector3<f64>>() / part.len().max(1) as f64;
    let ends = ENDS.min(places.len());
    let gone = mean(&places[places.len() - ends..]) - mean(&places[..ends]);
    places.len() >= FEWEST_FRAMES && gone.xy().norm() < STANDING_M
}

/// A table of the paths; distances are to the truth where it is known, else to the first path. Then the spread of each labelled
/// object that stands.
pub fn print(paths: &[Path], labels: &[Label]) {
    let Some(ours) = paths.first() else { return };
    let against = paths.iter().find(|path| path.name == TRUTH).unwrap_or(ours);
    println!(
        "{:<18}{:>8}{:>11}{:>26}{:>9}{:>9}{:>10}{:>8}   from {}: from the first pose on; laid on it in the plane; height",
        "path", "poses", "length m", "end x, y, yaw", "RMS m", "max m", "fitted m", "up m", against.name
    );
    for path in paths {
        let last = path.poses.values().next_back().copied().unwrap_or_default();
        let end = types::Pose2::from_isometry(&(path.first().inverse() * last));
        let end = format!("{:.2}, {:.2}, {:.2} deg", end.x, end.y, end.yaw.to_degrees());
        let [rms, most] = path.apart_m(against);
        let [fitted, up] = path.fitted_m(against);
        let Path { name, poses } = path;
        println!(
            "{name:<18}{:>8}{:>11.2}{end:>26}{rms:>9.3}{most:>9.3}{fitted:>10.3}{up:>8.3}",
            poses.len(),
            path.length_m()
        );
    }
    let mut objects: BTreeMap<u64, Vec<&Label>> = BTreeMap::new();
    labels.iter().for_each(|label| objects.entry(label.id).or_default().push(label));
    for (id, labels) in objects.iter().filter(|(_, labels)| stands(ours, labels)) {
        let kind = labels.first().map_or("", |label| &label.kind);
        let spreads = paths.iter().map(|path| {
            let [plane, space] = spread_m(&path.places(labels));
            format!("{} {plane:.3} m ({space:.3} m in space)", path.name)
        });
        let spreads = spreads.collect::<Vec<_>>().join(", ");
        println!("standing object {id} ({kind}, {} frames), RMS spread: {spreads}", labels.len());
    }
}

/// Poses of a sensor, one row each: 12 numbers, 3x4 row major.
pub fn read_poses(path: &File) -> anyhow::Result<Vec<Isometry3<f64>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let row = |(index, line): (usize, &str)| {
        let numbers: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
        let place = || format!("{}:{}", path.display(), index + 1);
        let n = numbers.with_context(place)?;
        if n.len() != 12 || n.iter().any(|v| !v.is_finite()) {
            bail!("{}: {} numbers, expected 12 finite ones", place(), n.len());
        }
        let rotation = Matrix3::new(n[0], n[1], n[2], n[4], n[5], n[6], n[8], n[9], n[10]);
        let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix(&rotation));
        Ok(Isometry3::from_parts(Translation3::new(n[3], n[7], n[11]), rotation))
    };
    text.lines().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_only_turned_fits() {
        let bend = |turn: f64, wave: f64| {
            let mut path = Path::new("bend");
            for frame in 0..50 {
                let (x, y) = (frame as f64, 0.02 * (frame * frame) as f64);
                let place = Vector3::new(x, y, wave * x);
                path.push(
                    frame,
                    Isometry3::new(Rotation3::from_axis_angle(&Vector3::z_axis(), turn) * place, Vector3::zeros()),
                );
            }
            path
        };
        let [plane, up] = bend(0.3, 0.0).fitted_m(&bend(0.0, 0.0));
        assert!(plane < 1e-9 && up < 1e-9, "{plane} {up}");
        let [plane, up] = bend(0.0, 0.1).fitted_m(&bend(-0.2, 0.0));
        assert!(plane < 1e-9 && (2.7..3.0).contains(&up), "{plane} {up}");
        assert!(bend(0.3, 0.0).apart_m(&bend(0.0, 0.0))[0] > 1.0);
    }
}
