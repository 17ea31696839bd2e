//! The way to follow.

use super::{Decoded, known, present, sized};
use crate::schema::{Route, StopLine};
use types::{Pose2, RoutePoint, StopKind};

pub(super) fn route(route: &Route) -> Decoded<types::Route> {
    let count = route.x.len();
    sized("y", route.y.len(), count)?;
    sized("yaw", route.yaw.len(), count)?;
    let columns = route.x.iter().zip(&route.y).zip(&route.yaw);
    let mut all = types::Route::of_poses(columns.map(|((&x, &y), &yaw)| Pose2 { x, y, yaw }));
    let mut fill = |field, column: &[f64], place: fn(&mut RoutePoint) -> &mut f64| -> Decoded<()> {
        if !column.is_empty() {
            sized(field, column.len(), count)?;
        }
        all.points.iter_mut().zip(column).for_each(|(point, value)| *place(point) = *value);
        Ok(())
    };
    fill("left_m", &route.left_m, |point| &mut point.left_m)?;
    fill("right_m", &route.right_m, |point| &mut point.right_m)?;
    fill("speed_limit_mps", &route.speed_limit_mps, |point| &mut point.speed_limit_mps)?;
    all.stops = route.stops.iter().map(stop_line).collect::<Decoded<_>>()?;
    Ok(all)
}

pub(super) fn stop_line(found: &StopLine) -> Decoded<types::StopLine> {
    let kind = match found.kind.as_str() {
        "signal" => Some(StopKind::Signal(present("signal", found.signal)?)),
        "give way" => Some(StopKind::GiveWay),
        "stop" => Some(StopKind::Stop),
        "crossing" => Some(StopKind::Crossing),
        "goal" => Some(StopKind::Goal),
        _ => None,
    };
    Ok(types::StopLine { s_m: found.s_m, area_m: found.area_m, kind: known("kind", &found.kind, kind)? })
}
