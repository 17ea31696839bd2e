//! The outcome of a planning cycle.

use super::{Decoded, known, size, sized};
use crate::schema::{self, Plan, Prediction};
use types::{Candidate, Decision, DecisionKind, PredictedPath, Stamp, Trajectory, TrajectoryPoint, Verdict};

pub(super) fn plan(plan: Plan, stamp: Stamp) -> Decoded<types::Plan> {
    let candidates = candidates(&plan)?;
    let point = |point: &schema::TrajectoryPoint| {
        let schema::TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2 } = *point;
        TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2 }
    };
    let points = plan.trajectory.iter().map(point).collect();
    let kind = known("decision", &plan.decision, DecisionKind::from_name(&plan.decision))?;
    Ok(types::Plan {
        frame: plan.frame,
        stamp,
        trajectory: Trajectory { points, tail_start: size("tail_start", plan.tail_start)? },
        decision: Decision { kind, track: plan.track, reason: plan.reason },
        cost: plan.cost,
        candidates,
        predictions: plan.predictions.iter().map(prediction).collect::<Decoded<_>>()?,
    })
}

pub(super) fn candidates(plan: &Plan) -> Decoded<Vec<Candidate>> {
    let count = plan.candidate_verdict.len();
    sized("candidate_cost", plan.candidate_cost.len(), count)?;
    sized("candidate_path", plan.candidate_path.len(), 16 * count)?;
    let rows = plan.candidate_verdict.iter().zip(&plan.candidate_cost).zip(plan.candidate_path.chunks_exact(16));
    rows.map(|((&found, &cost), path)| {
        let verdict = usize::try_from(found).ok().and_then(|place| Verdict::ALL.get(place)).copied();
        let verdict = verdict.ok_or_else(|| format!("candidate_verdict is {found}, which is unknown"))?;
        Ok(Candidate { verdict, cost, path: std::array::from_fn(|i| [path[2 * i], path[2 * i + 1]]) })
    })
    .collect()
}

pub(super) fn prediction(path: &Prediction) -> Decoded<PredictedPath> {
    sized("y", path.y.len(), path.x.len())?;
    sized("heading_rad", path.heading_rad.len(), path.x.len())?;
    let columns = path.x.iter().zip(&path.y).zip(&path.heading_rad);
    let poses = columns.map(|((&x, &y), &heading)| [x, y, heading]).collect();
    Ok(PredictedPath { track: path.track, poses, step_s: path.step_s })
}
