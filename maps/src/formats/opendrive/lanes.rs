//! Lanes of a road as lines: the reference line moved sideways by lane offset and widths.

use super::super::draft::RawLane;
use super::road::{Lane, Road, Section};
use crate::network::{Border, LaneKind};

/// A border leaves its chords by at most this, m.
const SAGITTA_M: f64 = 0.01;
/// Shortest and longest step along the road, m.
const STEPS_M: (f64, f64) = (0.1, 5.0);
/// No section has more steps than this, but for places where records begin.
const MOST_STEPS: f64 = 100_000.0;
/// Where widths change steps are no longer than this, m.
const CHANGING_STEP_M: f64 = 1.0;
/// A lane that is nowhere wider than this is none, m.
const NARROWEST_M: f64 = 0.2;
/// Just before the end of a section, where its own records still hold, m.
const BEFORE_M: f64 = 1e-6;

/// What a lane is called.
pub(super) fn name(road: &str, section: usize, lane: i64) -> String {
    format!("{road}.{section}.{lane}")
}

/// The lanes of a section with shapes and neighbours, without links; each with its place in the file.
pub(super) fn of_section(road: &Road, index: usize) -> Vec<(i64, RawLane)> {
    let section = &road.sections[index];
    let stations = stations(road, section);
    let mut all = Vec::new();
    for (lanes, sign) in [(&section.left, 1.0), (&section.right, -1.0)] {
        let mut inner: Vec<f64> = stations.iter().map(|s| road.offset.at(*s)).collect();
        let mut inner_mark = section.mark;
        for (place, lane) in lanes.iter().enumerate() {
            let outer = outer(road, section, lane, sign, &stations, &inner);
            let widest = outer.iter().zip(&inner).map(|(o, i)| (o - i).abs()).fold(0.0, f64::max);
            if let Some(kind) = lane.kind.filter(|_| widest > NARROWEST_M) {
                let middle: Vec<f64> = outer.iter().zip(&inner).map(|(o, i)| 0.5 * (o + i)).collect();
                let lines = [&inner, &outer, &middle].map(|sideways| moved(road, &stations, sideways));
                let marks = [inner_mark, lane.mark];
                let beside = [place.checked_sub(1).map(|i| &lanes[i]), lanes.get(place + 1)];
                all.push((lane.id, raw(road, index, lane, kind, lines, marks, beside)));
            }
            (inner, inner_mark) = (outer, lane.mark);
        }
    }
    all
}

fn raw(
    road: &Road,
    section: usize,
    lane: &Lane,
    kind: LaneKind,
    [inner, outer, middle]: [Vec<[f64; 2]>; 3],
    [inner_mark, outer_mark]: [Border; 2],
    [inside, outside]: [Option<&Lane>; 2],
) -> RawLane {
    let forwards = road.forwards(lane);
    // Of a lane to the left of the reference line the outer border is to the left, seen forwards.
    let (left, right, marks) =
        if lane.id > 0 { (outer, inner, [outer_mark, inner_mark]) } else { (inner, outer, [inner_mark, outer_mark]) };
    let neighbor = |other: &Lane| (name(&road.id, section, other.id), road.forwards(other) == forwards);
    // Across the middle lies the first lane of the other side.
    let across = {
        let part = &road.sections[section];
        if lane.id > 0 { part.right.first() } else { part.left.first() }
    };
    let inside = inside.or(across).filter(|other| other.kind.is_some()).map(neighbor);
    let outside = outside.filter(|other| other.kind.is_some()).map(neighbor);
    let (to_left, to_right) = if lane.id > 0 { (outside, inside) } else { (inside, outside) };
    let mut raw = RawLane::new(name(&road.id, section, lane.id), left, right);
    raw.kind = kind;
    raw.center = Some(middle);
    [raw.left_border, raw.right_border] = marks;
    (raw.left_neighbor, raw.right_neighbor) = (to_left, to_right);
    let middle_m = 0.5 * (road.sections[section].s_m + road.sections[section].end_m);
    let by_type = road.types.iter().rev().find(|(from, ..)| *from <= middle_m);
    raw.speed_limit_mps = lane.speed_mps.or(by_type.and_then(|(_, posted, _)| *posted));
    raw.usual_limit_mps = by_type.map_or(raw.usual_limit_mps, |(.., usual)| *usual);
    if !forwards {
        raw.turn_round();
    }
    raw
}

impl RawLane {
    /// The same lane driven the other way.
    pub(crate) fn turn_round(&mut self) {
        std::mem::swap(&mut self.left, &mut self.right);
        std::mem::swap(&mut self.left_border, &mut self.right_border);
        std::mem::swap(&mut self.left_neighbor, &mut self.right_neighbor);
        self.left.reverse();
        self.right.reverse();
        if let Some(center) = &mut self.center {
            center.reverse();
        }
    }
}

/// Sideways place of a lane's outer border at each station, m to the left.
fn outer(road: &Road, section: &Section, lane: &Lane, sign: f64, stations: &[f64], inner: &[f64]) -> Vec<f64> {
    let by_border = lane.width.0.is_empty() && !lane.border.0.is_empty();
    let place = |(s, inner): (&f64, &f64)| {
        let along = s - section.s_m;
        if by_border {
            // A border may not lie inside the one before.
            let border = road.offset.at(*s) + lane.border.at(along);
            if sign > 0.0 { border.max(*inner) } else { border.min(*inner) }
        } else {
            inner + sign * lane.width.at(along).max(0.0)
        }
    };
    stations.iter().zip(inner).map(place).collect()
}

fn moved(road: &Road, stations: &[f64], sideways: &[f64]) -> Vec<[f64; 2]> {
    stations.iter().zip(sideways).map(|(s, t)| road.curve.at(*s).transform(0.0, *t)).collect()
}

/// Arc lengths at which a section is sampled: dense in curves and where widths change, and wherever a record begins.
fn stations(road: &Road, section: &Section) -> Vec<f64> {
    let end = section.end_m - BEFORE_M;
    let mut fixed: Vec<f64> = road.curve.begins().chain(road.offset.0.iter().map(|record| record.s_m)).collect();
    let mut changing: Vec<(f64, f64)> = Vec::new();
    let mut add = |records: &super::road::Profile, start: f64| {
        for (i, record) in records.0.iter().enumerate() {
            fixed.push(start + record.s_m);
            if record.cubic.0[1..].iter().any(|c| *c != 0.0) {
                let until = records.0.get(i + 1).map_or(f64::INFINITY, |next| start + next.s_m);
                changing.push((start + record.s_m, until));
            }
        }
    };
    add(&road.offset, 0.0);
    for lane in section.left.iter().chain(&section.right) {
        add(&lane.width, section.s_m);
        add(&lane.border, section.s_m);
    }
    // Each interval reaches as far as those that begin before it, so that the last one tells.
    changing.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut farthest = f64::NEG_INFINITY;
    for (_, until) in &mut changing {
        farthest = farthest.max(*until);
        *until = farthest;
    }
    fixed.retain(|s| *s > section.s_m + 0.01 && *s < end - 0.01);
    fixed.push(end);
    fixed.sort_by(f64::total_cmp);
    let shortest_m = STEPS_M.0.max((end - section.s_m) / MOST_STEPS);
    let mut all = vec![section.s_m];
    let mut at = section.s_m;
    for next in fixed {
        while at < next {
            let curvature = road.curve.curvature(at).abs().max(1e-6);
            let mut step = (8.0 * SAGITTA_M / curvature).sqrt().clamp(shortest_m, STEPS_M.1.max(shortest_m));
            let last = changing.partition_point(|(from, _)| *from <= at);
            if last > 0 && at < changing[last - 1].1 {
                step = step.min(CHANGING_STEP_M.max(shortest_m));
            }
            // No crumb is left before the next place.
            at = if at + 1.3 * step >= next { next } else { at + step };
            all.push(at);
        }
    }
    all
}
