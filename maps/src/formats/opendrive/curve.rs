//! The reference line of an OpenDRIVE road: `<planView>`.
//!
//! Source: ASAM OpenDRIVE 1.8, chapter 9 (geometry). Each piece has a start pose and a length of arc; its shape is a line, an arc, a spiral
//! (curvature linear in arc length, a clothoid), a cubic in its own frame (`poly3`), or two cubics of a parameter (`paramPoly3`).

use super::super::MapError;
use super::super::xml::Element;
use crate::line::GAUSS;
use crate::polyline::FARTHEST_M;
use types::{Pose2, wrap_angle};

/// No piece bends tighter than this, 1/m.
const SHARPEST_1PM: f64 = 10.0;
/// No spiral turns by more than this, rad.
const MOST_TURN_RAD: f64 = 100.0;
/// No road is longer than this, m.
const LONGEST_M: f64 = 1e6;

/// A cubic `a + b x + c x^2 + d x^3`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cubic(pub [f64; 4]);

/// A piece of the line.
#[derive(Clone, Debug)]
struct Piece {
    /// Where it begins on the road, m.
    s_m: f64,
    /// How long it is, m.
    length_m: f64,
    start: Pose2,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Line,
    Arc {
        curvature: f64,
    },
    Spiral {
        curvature: f64,
        rate: f64,
    },
    /// Sideways over ahead, both m; and how far ahead and how long the arc is at places of a table.
    Cubic {
        cubic: Cubic,
        table: Vec<[f64; 2]>,
    },
    /// Ahead and sideways over a parameter that is `scale` per metre of arc.
    Parametric {
        ahead: Cubic,
        sideways: Cubic,
        scale: f64,
    },
}

/// The whole line.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pieces: Vec<Piece>,
    /// Length of the road, m.
    pub length_m: f64,
}

impl Cubic {
    /// The coefficients of an element: `a`, `b`, `c`, `d` with an ending.
    pub fn read(element: Element, ending: &str) -> Result<Self, MapError> {
        let mut all = [0.0; 4];
        for (value, letter) in all.iter_mut().zip(["a", "b", "c", "d"]) {
            *value = element.attribute_number(&format!("{letter}{ending}"))?;
        }
        Ok(Self(all))
    }

    pub fn at(self, x: f64) -> f64 {
        let [a, b, c, d] = self.0;
        a + x * (b + x * (c + x * d))
    }

    pub fn slope(self, x: f64) -> f64 {
        let [_, b, c, d] = self.0;
        b + x * (2.0 * c + x * 3.0 * d)
    }
}

impl Curve {
    /// The line of a `<road>`.
    pub fn read(road: Element) -> Result<Self, MapError> {
        let length_m = road.attribute_number("length")?;
        if !(0.0..=LONGEST_M).contains(&length_m) {
            return Err(road.error(format!("its length is {length_m} m, outside 0 to {LONGEST_M}")));
        }
        let mut pieces = Vec::new();
        for element in road.needed("planView")?.children("geometry") {
            pieces.push(piece(element)?);
        }
        if pieces.is_empty() {
            return Err(road.error("has no <geometry>"));
        }
        pieces.sort_by(|a: &Piece, b: &Piece| a.s_m.total_cmp(&b.s_m));
        Ok(Self { pieces, length_m })
    }

    /// The pose at an arc length, m. Beyond the ends the outer pieces go on.
    pub fn at(&self, s_m: f64) -> Pose2 {
        let piece = self.piece(s_m);
        piece.at(s_m - piece.s_m)
    }

    /// The tightest curvature near an arc length, 1/m.
    pub fn curvature(&self, s_m: f64) -> f64 {
        let piece = self.piece(s_m);
        piece.curvature(s_m - piece.s_m)
    }

    /// Where pieces begin, m.
    pub fn begins(&self) -> impl Iterator<Item = f64> {
        self.pieces.iter().map(|piece| piece.s_m)
    }

    fn piece(&self, s_m: f64) -> &Piece {
        &self.pieces[self.pieces.partition_point(|piece| piece.s_m <= s_m).max(1) - 1]
    }
}

fn piece(element: Element) -> Result<Piece, MapError> {
    let within = |name: &str, low: f64, high: f64| {
        let value = element.attribute_number(name)?;
        let outside = || element.error(format!("{name} is {value}, outside {low} to {high}"));
        if (low..=high).contains(&value) { Ok(value) } else { Err(outside()) }
    };
    let start = Pose2 {
        x: within("x", -FARTHEST_M, FARTHEST_M)?,
        y: within("y", -FARTHEST_M, FARTHEST_M)?,
        yaw: wrap_angle(within("hdg", -1e3, 1e3)?),
    };
    let (s_m, length_m) = (within("s", -1.0, LONGEST_M)?, within("length", 0.0, LONGEST_M)?);
    let curvature = |shape: Element, name: &str| {
        let value = shape.attribute_number(name)?;
        let sharp = || shape.error(format!("{name} is {value} 1/m, beyond {SHARPEST_1PM}"));
        if value.abs() <= SHARPEST_1PM { Ok(value) } else { Err(sharp()) }
    };
    let known = ["line", "arc", "spiral", "poly3", "paramPoly3"];
    let Some(shape) = element.all().find(|child| known.contains(&child.name())) else {
        return Err(element.error(format!("has none of {known:?}")));
    };
    let shape = match shape.name() {
        "line" => Shape::Line,
        "arc" => Shape::Arc { curvature: curvature(shape, "curvature")? },
        "spiral" => {
            let (from, to) = (curvature(shape, "curvStart")?, curvature(shape, "curvEnd")?);
            let turn = from.abs().max(to.abs()) * length_m;
            if turn > MOST_TURN_RAD {
                return Err(
                    shape.error(format!("turns by up to {turn:.0} rad over {length_m} m, limit {MOST_TURN_RAD}"))
                );
            }
            Shape::Spiral { curvature: from, rate: if length_m > 0.0 { (to - from) / length_m } else { 0.0 } }
        }
        "poly3" => {
            let cubic = Cubic::read(shape, "")?;
            Shape::Cubic { cubic, table: arc_table(cubic, length_m) }
        }
        _ => {
            let scale = match shape.attribute("pRange") {
                Some("arcLength") => 1.0,
                _ => 1.0 / length_m.max(1e-9),
            };
            Shape::Parametric { ahead: Cubic::read(shape, "U")?, sideways: Cubic::read(shape, "V")?, scale }
        }
    };
    Ok(Piece { s_m, length_m, start, shape })
}

impl Piece {
    fn at(&self, along_m: f64) -> Pose2 {
        let (x, y, turn) = match &self.shape {
            Shape::Line => (along_m, 0.0, 0.0),
            Shape::Arc { curvature } => arc(*curvature, along_m),
            Shape::Spiral { curvature, rate } => clothoid(*curvature, *rate, along_m),
            Shape::Cubic { cubic, table } => {
                let x = ahead(*cubic, table, along_m);
                (x, cubic.at(x), cubic.slope(x).atan())
            }
            Shape::Parametric { ahead, sideways, scale } => {
                let p = along_m * scale;
                (ahead.at(p), sideways.at(p), sideways.slope(p).atan2(ahead.slope(p)))
            }
        };
        let [x, y] = self.start.transform(x, y);
        Pose2 { x, y, yaw: wrap_angle(self.start.yaw + turn) }
    }

    fn curvature(&self, along_m: f64) -> f64 {
        match &self.shape {
            Shape::Line => 0.0,
            Shape::Arc { curvature } => *curvature,
            // The larger of here and a little ahead, so that steps shrink in time.
            Shape::Spiral { curvature, rate } => {
                let at = |along: f64| (curvature + rate * along).abs();
                at(along_m).max(at((along_m + 5.0).min(self.length_m)))
            }
            Shape::Cubic { .. } | Shape::Parametric { .. } => {
                let at = |along: f64| self.at(along.clamp(0.0, self.length_m));
                let turn = |a: f64, b: f64| wrap_angle(at(b).yaw - at(a).yaw).abs() / (b - a);
                turn(along_m, along_m + 1.0).max(turn(along_m + 1.0, along_m + 5.0))
            }
        }
    }
}

/// Where a curve of linear curvature is after an arc length, from the origin along x: x, y and its turn. The integral of the heading is
/// cut into parts that turn by little, each by Gauss-Legendre.
fn clothoid(curvature: f64, rate: f64, length: f64) -> (f64, f64, f64) {
    let heading = |u: f64| u * (curvature + 0.5 * rate * u);
    let turn = (curvature.abs() + rate.abs() * length.abs()) * length.abs();
    let parts = (turn / 0.5).ceil().clamp(1.0, 1e4);
    let step = length / parts;
    let (mut x, mut y) = (0.0, 0.0);
    for part in 0..parts as usize {
        for (place, weight) in GAUSS {
            let (sin, cos) = heading((part as f64 + place) * step).sin_cos();
            x += weight * step * cos;
            y += weight * step * sin;
        }
    }
    (x, y, heading(length))
}

/// Where an arc is after a length, from the origin along x: x, y and its turn.
fn arc(curvature: f64, length: f64) -> (f64, f64, f64) {
    let turn = curvature * length;
    // The chord, seen from the start under half of the turn.
    let half = 0.5 * turn;
    let chord = if half.abs() > 1e-6 { length * half.sin() / half } else { length };
    (chord * half.cos(), chord * half.sin(), turn)
}

/// Length of the arc of a cubic between two places ahead.
fn arc_between(cubic: Cubic, from: f64, to: f64) -> f64 {
    let rate = |place: f64| cubic.slope(from + place * (to - from)).hypot(1.0);
    GAUSS.iter().map(|(place, weight)| weight * rate(*place)).sum::<f64>() * (to - from)
}

/// How far ahead a cubic is and how long its arc is, every 2 m (a thousand places at most) until the arc is as long as the piece.
fn arc_table(cubic: Cubic, length: f64) -> Vec<[f64; 2]> {
    let step = (length / 1000.0).max(2.0);
    let mut table = vec![[0.0, 0.0]];
    let (mut x, mut arc) = (0.0, 0.0);
    while arc < length {
        let next = arc_between(cubic, x, x + step);
        if !next.is_finite() {
            break;
        }
        (x, arc) = (x + step, arc + next);
        table.push([x, arc]);
    }
    table
}

/// How far ahead a cubic has come after an arc length: from the table, then by Newton.
fn ahead(cubic: Cubic, table: &[[f64; 2]], length: f64) -> f64 {
    let [from, known] = table[table.partition_point(|[_, arc]| *arc <= length).max(1) - 1];
    let rate = |x: f64| cubic.slope(x).hypot(1.0);
    let mut x = from + (length - known) / rate(from);
    for _ in 0..12 {
        let correction = (known + arc_between(cubic, from, x) - length) / rate(x);
        x -= correction;
        if !x.is_finite() || correction.abs() < 1e-10 {
            break;
        }
    }
    if x.is_finite() { x } else { from }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::xml::Xml;

    fn end(shape: &str, length: f64) -> Pose2 {
        let text = format!(
            "<road length=\"{length}\"><planView><geometry s=\"0\" x=\"1\" y=\"2\" hdg=\"0\" length=\"{length}\">{shape}</geometry></planView></road>"
        );
        let xml = Xml::parse("r.xodr", &text).unwrap();
        Curve::read(xml.root()).unwrap().at(length)
    }

    fn near(pose: Pose2, x: f64, y: f64, yaw: f64) {
        let gap = (pose.x - x).abs().max((pose.y - y).abs()).max(wrap_angle(pose.yaw - yaw).abs());
        assert!(gap < 1e-6, "{pose:?}, wanted {x} {y} {yaw}");
    }

    /// Fresnel integrals by their power series (Abramowitz and Stegun, 7.3.11 and 7.3.13).
    fn fresnel(t: f64) -> (f64, f64) {
        let (mut c, mut s) = (0.0, 0.0);
        let half = std::f64::consts::FRAC_PI_2;
        let mut term = t;
        for n in 0..60 {
            let k = f64::from(n);
            // (-1)^n (pi/2)^(2n) t^(4n+1) / (2n)!, and the odd terms between.
            c += term / (4.0 * k + 1.0);
            let odd = term * half * t * t / (2.0 * k + 1.0);
            s += odd / (4.0 * k + 3.0);
            term *= -(half * half) * t.powi(4) / ((2.0 * k + 1.0) * (2.0 * k + 2.0));
        }
        (c, s)
    }

    #[test]
    fn every_shape_ends_where_its_formula_says() {
        near(end("<line/>", 30.0), 31.0, 2.0, 0.0);
        let (r, angle) = (20.0f64, 2.5f64);
        near(
            end("<arc curvature=\"-0.05\"/>", r * angle),
            1.0 + r * angle.sin(),
            2.0 - r * (1.0 - angle.cos()),
            -angle,
        );
        // A clothoid from straight: curvature s / a^2, so x = a sqrt(pi) C(s / (a sqrt(pi))).
        let (length, last) = (80.0f64, 0.04f64);
        let a = (length / last).sqrt() * std::f64::consts::PI.sqrt();
        let (c, s) = fresnel(length / a);
        near(end("<spiral curvStart=\"0\" curvEnd=\"0.04\"/>", length), 1.0 + a * c, 2.0 + a * s, 0.5 * last * length);
        // Ahead 10 m on v = 0.01 u^2: the arc length of a parabola in closed form.
        let slope = 0.2f64;
        let arc = (slope * slope.hypot(1.0) + slope.asinh()) / 0.04;
        near(end("<poly3 a=\"0\" b=\"0\" c=\"0.01\" d=\"0\"/>", arc), 11.0, 3.0, slope.atan());
        let cubic = "aU=\"0\" bU=\"1\" cU=\"0\" dU=\"0\" aV=\"0\" bV=\"0\" cV=\"0.01\" dV=\"0\"";
        near(end(&format!("<paramPoly3 pRange=\"arcLength\" {cubic}/>"), 10.0), 11.0, 3.0, slope.atan());
        let whole = "aU=\"0\" bU=\"10\" cU=\"0\" dU=\"0\" aV=\"0\" bV=\"0\" cV=\"1\" dV=\"0\"";
        near(end(&format!("<paramPoly3 pRange=\"normalized\" {whole}/>"), 10.3), 11.0, 3.0, slope.atan());
    }
}
