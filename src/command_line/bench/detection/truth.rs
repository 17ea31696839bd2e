//! Detections beside the truth of a simulated drive: which objects count, in which groups of classes.

use super::precision::Ranking;
use super::turn::Turn;
use nalgebra::Vector3;
use types::{Box2, Box3, Detections, ObjectClass, Truth, TruthObject, wrap_angle};

/// In the image an object counts if at least this share of it is visible ...
const LEAST_VISIBLE: f64 = 0.5;
/// ... and it is at least this share of the image high: 25 px of 540, after the "moderate" of KITTI (Geiger et al., 2012).
const LEAST_HEIGHT: f64 = 25.0 / 540.0;
/// Overlap of a hit in the image.
const IMAGE_GATE: f64 = 0.5;

/// Which objects of the sweep count.
#[derive(Clone, Copy, Debug)]
pub struct Gates {
    /// Centres within this distance of `base_link`, m.
    pub max_range_m: f64,
    /// At least so many lidar points.
    pub min_points: u32,
}

/// Classes that are judged together, and the overlaps of a hit seen from above.
struct Group {
    name: &'static str,
    classes: &'static [ObjectClass],
    /// Labels that may pass for it.
    neutral: &'static [ObjectClass],
    gates: &'static [f64],
}

use ObjectClass::{Bus, Car, Cyclist, Motorcycle, Pedestrian, TrafficLight, Truck};

const GROUPS: [Group; 6] = [
    Group { name: "Vehicle", classes: &[Car, Truck, Bus], neutral: &[], gates: &[0.5, 0.7] },
    Group { name: "Car", classes: &[Car], neutral: &[Truck, Bus], gates: &[0.5, 0.7] },
    Group { name: "Truck and bus", classes: &[Truck, Bus], neutral: &[Car], gates: &[0.5] },
    Group { name: "Pedestrian", classes: &[Pedestrian], neutral: &[], gates: &[0.25, 0.5] },
    Group { name: "Cyclist", classes: &[Cyclist], neutral: &[Motorcycle], gates: &[0.25, 0.5] },
    Group { name: "Traffic light", classes: &[TrafficLight], neutral: &[], gates: &[] },
];

/// A group at one gate.
#[derive(Default)]
struct Row {
    ranking: Ranking,
    /// Distance of the centres of each hit, m, and between the axes, rad.
    errors: Vec<[f64; 2]>,
}

/// All frames so far.
pub struct Score {
    gates: Gates,
    /// For each group, one for each of its gates.
    ground: Vec<Vec<Row>>,
    /// For each group.
    image: Vec<Ranking>,
}

impl Score {
    /// Nothing judged yet.
    pub fn new(gates: Gates) -> Self {
        let ground = GROUPS.iter().map(|group| group.gates.iter().map(|_| Row::default()).collect());
        Self { gates, ground: ground.collect(), image: vec![Ranking::default(); GROUPS.len()] }
    }

    /// Adds a frame. `image_rows` is the height of the image, if there is one. Gives the number of mistakes of the lidar: what is missed, and
    /// what is not there, each class for itself at its lower gate.
    pub fn add(&mut self, truth: &Truth, found: &Detections, turn: &Turn, image_rows: Option<f64>) -> usize {
        let base_from_odom = truth.odom_from_base.inverse();
        let expected = |object: &TruthObject| {
            let [vx, vy] = object.velocity_mps;
            let velocity = base_from_odom.rotation * Vector3::new(vx, vy, 0.0);
            turn.expected(&object.bbox.transformed(&base_from_odom), [velocity.x, velocity.y])
        };
        let boxes: Vec<Box3> = truth.objects.iter().map(expected).collect();
        let mut mistakes = 0;
        for (index, group) in GROUPS.iter().enumerate() {
            let wrong = self.add_ground(index, group, truth, &boxes, found);
            // The first group holds what others hold, too.
            mistakes += if index > 0 { wrong } else { 0 };
            if let Some(rows) = image_rows {
                self.add_image(index, group, truth, found, rows);
            }
        }
        mistakes
    }

    fn add_ground(&mut self, index: usize, group: &Group, truth: &Truth, boxes: &[Box3], found: &Detections) -> usize {
        let is_near = |bbox: &Box3| bbox.center[0].hypot(bbox.center[1]) <= self.gates.max_range_m;
        let (mut labels, mut wanted) = (Vec::new(), Vec::new());
        for (object, bbox) in truth.objects.iter().zip(boxes).filter(|(object, _)| group.judges(object.class)) {
            wanted
                .push(group.classes.contains(&object.class) && is_near(bbox) && object.points >= self.gates.min_points);
            labels.push(*bbox);
        }
        let found: Vec<_> = found.lidar.iter().filter(|object| group.classes.contains(&object.class)).collect();
        let scores: Vec<f64> = found.iter().map(|object| object.score).collect();
        let overlap = |finding: usize, label: usize| found[finding].bbox.iou_bev(&labels[label]);
        let is_neutral = |finding: usize| !is_near(&found[finding].bbox);
        let mut mistakes = None;
        for (row, &gate) in self.ground[index].iter_mut().zip(group.gates) {
            let before = row.ranking.wrong();
            let pairs = row.ranking.add_frame(&scores, &wanted, overlap, is_neutral, gate);
            let missed = wanted.iter().filter(|wanted| **wanted).count() - pairs.len();
            mistakes.get_or_insert(missed + row.ranking.wrong() - before);
            for (finding, label) in pairs {
                let (a, b) = (&found[finding].bbox, &labels[label]);
                let apart = (a.center[0] - b.center[0]).hypot(a.center[1] - b.center[1]);
                row.errors.push([apart, 0.5 * wrap_angle(2.0 * (a.yaw - b.yaw)).abs()]);
            }
        }
        mistakes.unwrap_or(0)
    }

    fn add_image(&mut self, index: usize, group: &Group, truth: &Truth, found: &Detections, rows: f64) {
        let is_large = |bbox: &Box2| bbox.y_max - bbox.y_min >= LEAST_HEIGHT * rows;
        let (mut labels, mut wanted) = (Vec::new(), Vec::new());
        for object in truth.objects.iter().filter(|object| group.judges(object.class)) {
            let Some(bbox) = object.image else { continue };
            let counts = group.classes.contains(&object.class) && object.visible >= LEAST_VISIBLE && is_large(&bbox);
            wanted.push(counts);
            labels.push(bbox);
        }
        let found: Vec<_> = found.camera.iter().filter(|object| group.classes.contains(&object.class)).collect();
        let scores: Vec<f64> = found.iter().map(|object| object.score).collect();
        let overlap = |finding: usize, label: usize| found[finding].bbox.iou(&labels[label]);
        let is_neutral = |finding: usize| !is_large(&found[finding].bbox);
        self.image[index].add_frame(&scores, &wanted, overlap, is_neutral, IMAGE_GATE);
    }

    /// The table.
    pub fn print(&self) {
        let Gates { max_range_m, min_points } = self.gates;
        println!("lidar, seen from above: within {max_range_m} m, at least {min_points} points, R40");
        println!(
            "{:<15}{:>6}{:>8}{:>8}{:>10}{:>8}{:>7}{:>11}{:>9}   precision, recall and score at the best F1; medians of the hits",
            "group", "gate", "labels", "AP", "precision", "recall", "score", "centre m", "axis deg"
        );
        for (group, rows) in GROUPS.iter().zip(&self.ground) {
            for (row, gate) in rows.iter().zip(group.gates) {
                let median = |which: usize| median(row.errors.iter().map(|error| error[which]));
                print!("{:<15}{gate:>6.2}", group.name);
                print_ranking(&row.ranking);
                println!("{:>11.3}{:>9.2}", median(0), median(1).to_degrees());
            }
        }
        if self.image.iter().all(|ranking| ranking.summary().labels == 0) {
            return;
        }
        let (share, height) = (100.0 * LEAST_VISIBLE, 100.0 * LEAST_HEIGHT);
        println!("camera: at least {share:.0} % visible, at least {height:.1} % of the image high, R40");
        for (group, ranking) in GROUPS.iter().zip(&self.image) {
            print!("{:<15}{IMAGE_GATE:>6.2}", group.name);
            print_ranking(ranking);
            println!();
        }
    }
}

impl Group {
    fn judges(&self, class: ObjectClass) -> bool {
        self.classes.contains(&class) || self.neutral.contains(&class)
    }
}

fn print_ranking(ranking: &Ranking) {
    let summary = ranking.summary();
    print!(
        "{:>8}{:>8.2}{:>10.3}{:>8.3}{:>7.2}",
        summary.labels, summary.average_precision, summary.precision, summary.recall, summary.score
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use types::{Detection2, Detection3, Stamp};

    fn label(class: ObjectClass, x: f64, points: u32) -> TruthObject {
        let bbox = Box3 { center: [x, 0.0, 0.8], length: 4.0, width: 2.0, height: 1.6, yaw: 0.0 };
        let image = Some(Box2 { x_min: x, y_min: 0.0, x_max: x + 20.0, y_max: 20.0 });
        TruthObject { id: 1, class, bbox, velocity_mps: [0.0; 2], points, image, visible: 1.0 }
    }

    /// The vehicle stands at (100, 0), turned by half a circle: what is ahead of it lies at smaller x.
    fn truth(objects: Vec<TruthObject>) -> Truth {
        let turned = nalgebra::UnitQuaternion::from_euler_angles(0.0, 0.0, std::f64::consts::PI);
        let odom_from_base = Isometry3::from_parts(nalgebra::Translation3::new(100.0, 0.0, 0.0), turned);
        Truth { seq: 0, stamp: Stamp::default(), odom_from_base, objects }
    }

    fn found(class: ObjectClass, x: f64, score: f64) -> Detection3 {
        let bbox = Box3 { center: [x, 0.0, 0.8], length: 4.0, width: 2.0, height: 1.6, yaw: 0.1 };
        Detection3 { bbox, class, score, point_count: 50, camera: None, seen_after_s: 0.0 }
    }

    fn average_precision(score: &Score, name: &str) -> (usize, f64) {
        let index = GROUPS.iter().position(|group| group.name == name).unwrap();
        let summary = score.ground[index][0].ranking.summary();
        (summary.labels, summary.average_precision)
    }

    const GATES: Gates = Gates { max_range_m: 40.0, min_points: 10 };

    #[test]
    fn boxes_are_compared_in_the_vehicles_frame() {
        let truth =
            truth(vec![label(Car, 90.0, 100), label(Car, 80.0, 9), label(Truck, 70.0, 50), label(Car, 50.0, 50)]);
        let lidar = vec![
            found(Car, 10.2, 0.9),       // hit
            found(Car, 20.0, 0.8),       // on a car of too few points: neutral
            found(Car, 30.0, 0.7),       // on a truck: a hit for vehicles, neutral for cars
            found(Car, 50.0, 0.6),       // too far away: neutral
            found(Car, -10.0, 0.5),      // wrong, behind the last hit
            found(Pedestrian, 5.0, 0.4), // of another group
        ];
        let mut score = Score::new(GATES);
        let mistakes = score.add(&truth, &Detections { lidar, ..Detections::default() }, &Turn::met([0.0; 2]), None);
        // The car behind, the truck that was missed, the pedestrian.
        assert_eq!(mistakes, 3);
        assert_eq!(average_precision(&score, "Car"), (1, 100.0));
        assert_eq!(average_precision(&score, "Vehicle"), (2, 100.0));
        assert_eq!(average_precision(&score, "Truck and bus"), (1, 0.0));
        assert_eq!(average_precision(&score, "Pedestrian").0, 0);
        let [distance, angle] = score.ground[1][0].errors[0];
        assert!((distance - 0.2).abs() < 1e-9 && (angle - 0.1).abs() < 1e-9);
    }

    #[test]
    fn the_image_asks_for_visible_and_large() {
        let hidden = TruthObject { visible: 0.1, ..label(Car, 100.0, 0) };
        let unseen = TruthObject { image: None, ..label(Car, 200.0, 0) };
        let truth = truth(vec![label(Car, 0.0, 0), hidden, unseen]);
        let camera = |x: f64, score| Detection2 {
            bbox: Box2 { x_min: x, y_min: 0.0, x_max: x + 20.0, y_max: 20.0 },
            class: Car,
            score,
        };
        let found = Detections { camera: vec![camera(100.0, 0.9), camera(1.0, 0.8)], ..Detections::default() };
        let mut score = Score::new(GATES);
        score.add(&truth, &found, &Turn::met([0.0; 2]), Some(360.0));
        let summary = score.image[1].summary();
        assert_eq!((summary.labels, summary.average_precision), (1, 100.0));
        // In a wider image all of them are too small to count.
        let mut tall = Score::new(GATES);
        tall.add(&truth, &found, &Turn::met([0.0; 2]), Some(3600.0));
        assert_eq!(tall.image[1].summary().labels, 0);
    }
}
