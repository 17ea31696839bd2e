//! Objects: as they are, as they were found, and as they are followed.

use super::{Decoded, class, present, sized};
use crate::schema::{self, Box3, Detection2, Detection3, Track, TruthObject};

pub(super) fn truth_object(found: &TruthObject) -> Decoded<types::TruthObject> {
    let image = |b: schema::Box2| types::Box2 { x_min: b.x_min, y_min: b.y_min, x_max: b.x_max, y_max: b.y_max };
    Ok(types::TruthObject {
        id: found.id,
        class: class(&found.class)?,
        bbox: box3(found.r#box.as_ref())?,
        velocity_mps: [found.vx_mps, found.vy_mps],
        points: found.points,
        image: found.image.map(image),
        visible: found.visible,
    })
}

pub(super) fn box3(found: Option<&Box3>) -> Decoded<types::Box3> {
    let &Box3 { x, y, z, length, width, height, yaw } = present("box", found)?;
    Ok(types::Box3 { center: [x, y, z], length, width, height, yaw })
}

pub(super) fn detection2(found: &Detection2) -> Decoded<types::Detection2> {
    let &Detection2 { x_min, y_min, x_max, y_max, score, .. } = found;
    Ok(types::Detection2 { bbox: types::Box2 { x_min, y_min, x_max, y_max }, class: class(&found.class)?, score })
}

pub(super) fn detection3(found: &Detection3) -> Decoded<types::Detection3> {
    Ok(types::Detection3 {
        bbox: box3(found.r#box.as_ref())?,
        class: class(&found.class)?,
        score: found.score,
        point_count: found.point_count,
        camera: found.camera,
        seen_after_s: found.seen_after_s,
    })
}

pub(super) fn track(track: &Track) -> Decoded<types::Track> {
    sized("covariance", track.covariance.len(), 16)?;
    // Drives before version 0.2 have none.
    let turning = &track.heading_covariance;
    if !turning.is_empty() {
        sized("heading_covariance", turning.len(), 4)?;
    }
    let turning = |i: usize| turning.get(i).copied().unwrap_or(0.0);
    Ok(types::Track {
        id: track.id,
        class: class(&track.class)?,
        existence: track.existence,
        bbox: box3(track.r#box.as_ref())?,
        velocity_mps: [track.vx_mps, track.vy_mps],
        yaw_rate_radps: track.yaw_rate_radps,
        covariance: std::array::from_fn(|row| std::array::from_fn(|column| track.covariance[4 * row + column])),
        heading_covariance: [[turning(0), turning(1)], [turning(2), turning(3)]],
        hits: track.hits,
        misses: track.misses,
    })
}
