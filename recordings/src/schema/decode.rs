//! From bytes to the rooms' types. Whatever is missing, unknown or of the wrong size is named with its number.

mod objects;
mod plan;
mod route;
mod sensors;

use super::{Command, Detections, Digests, Ego, Latency, Pose, Signals, Tick, Tracks, Truth, WheelSpeed};
use crate::Message;
use crate::topics::Topic;
use bytes::Bytes;
use foxglove::messages::Log;
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};
use objects::{detection2, detection3, track, truth_object};
use plan::plan;
use route::route;
use sensors::{calibration, ego_state, image, log_level, points};
use types::{Authority, Fallback, InsFix, ObjectClass, Phase, Stamp, StopReason};

type Decoded<T> = Result<T, String>;

/// The message of a topic that replays read; the reason if there is none.
pub(crate) fn message(topic: Topic, stamp: Stamp, sequence: u64, data: &Bytes) -> Decoded<Message> {
    Ok(match topic {
        Topic::Calibration => Message::Calibration(calibration(&read(data)?)?),
        Topic::RoutePoses => Message::Route(route(&read(data)?)?),
        Topic::Signals => {
            let Signals { seq, signals, .. } = read(data)?;
            let shown = |signal: &super::Signal| {
                let phase = known("phase", &signal.phase, Phase::from_name(&signal.phase))?;
                Ok((signal.id, phase))
            };
            let phases = signals.iter().map(shown).collect::<Decoded<_>>()?;
            Message::Signals(types::Signals { seq, stamp, phases })
        }
        Topic::WheelSpeed => {
            let WheelSpeed { seq, speed_mps, .. } = read(data)?;
            Message::WheelSpeed(types::WheelSpeed { seq, stamp, speed_mps })
        }
        Topic::Truth => {
            let Truth { seq, odom_from_base, objects, .. } = read(data)?;
            let odom_from_base = pose("odom_from_base", odom_from_base.as_ref())?;
            let objects = objects.iter().map(truth_object).collect::<Decoded<_>>()?;
            Message::Truth(types::Truth { seq, stamp, odom_from_base, objects })
        }
        Topic::CameraImage => Message::Camera(image(shared(data)?, stamp, sequence)?),
        Topic::LidarPoints => Message::Lidar(points(shared(data)?, stamp, sequence)?),
        Topic::InsState => {
            let ego: Ego = read(data)?;
            Message::Ins(InsFix { seq: ego.frame, state: ego_state(&ego, stamp)? })
        }
        Topic::EgoState => {
            let ego: Ego = read(data)?;
            Message::Ego { frame: ego.frame, state: ego_state(&ego, stamp)? }
        }
        Topic::Tick => {
            let Tick { frame, camera, lidar, ins, dropped, signals, wheel_speed, .. } = read(data)?;
            let admission = types::Admission { frame, stamp, camera, lidar, ins, signals, wheel_speed, dropped };
            Message::Admission(admission)
        }
        Topic::Detections => {
            let Detections { frame, camera, lidar, .. } = read(data)?;
            let camera = camera.iter().map(detection2).collect::<Decoded<_>>()?;
            let lidar = lidar.iter().map(detection3).collect::<Decoded<_>>()?;
            Message::Detections(types::Detections { frame, stamp, camera, lidar })
        }
        Topic::Tracks => {
            let Tracks { frame, objects, .. } = read(data)?;
            let objects = objects.iter().map(track).collect::<Decoded<_>>()?;
            Message::Tracks(types::Tracks { frame, stamp, objects })
        }
        Topic::Plan => Message::Plan(plan(read(data)?, stamp)?),
        Topic::Command => {
            let Command { tick, steering_rad, acceleration_mps2, plan, ego, stop, limits, fallback, grant, .. } =
                read(data)?;
            let stop = match stop.as_str() {
                "" => None,
                name => Some(known("stop", name, StopReason::from_name(name))?),
            };
            let fallback = match fallback.as_str() {
                "" => None,
                name => Some(known("fallback", name, Fallback::from_name(name))?),
            };
            let grant = grant.map(|grant| {
                let authority = known("authority", &grant.authority, Authority::from_name(&grant.authority))?;
                let super::Grant { steering_rad, speed_mps, .. } = grant;
                Ok::<_, String>(types::Grant { authority, steering_rad, speed_mps })
            });
            Message::Command(types::Command {
                tick,
                stamp,
                steering_rad,
                acceleration_mps2,
                plan,
                ego,
                stop,
                limits,
                fallback,
                grant: grant.transpose()?,
            })
        }
        Topic::Latency => {
            let Latency { frame, spans, .. } = read(data)?;
            let span = |span: super::Span| types::Span {
                name: span.name,
                start_ns: span.start_ns,
                duration_ns: span.duration_ns,
            };
            Message::Latency(types::Latency { frame, stamp, spans: spans.into_iter().map(span).collect() })
        }
        Topic::Digests => {
            let Digests { frame, stages, .. } = read(data)?;
            let stage = |one: super::StageDigest| types::StageDigest { stage: one.stage, digest: one.digest };
            Message::Digests(types::Digests { frame, stamp, stages: stages.into_iter().map(stage).collect() })
        }
        Topic::Log => {
            let Log { level, message: text, name, .. } = read(data)?;
            Message::Text { stamp, level: log_level(level)?, name, text }
        }
        view => return Err(format!("{} is a view, not for reading", view.row().name)),
    })
}

fn read<M: prost::Message + Default>(data: &[u8]) -> Decoded<M> {
    M::decode(data).map_err(|error| error.to_string())
}

/// As [`read`], with payloads that share the buffer.
fn shared<M: prost::Message + Default>(data: &Bytes) -> Decoded<M> {
    M::decode(data.clone()).map_err(|error| error.to_string())
}

fn present<T>(field: &str, value: Option<T>) -> Decoded<T> {
    value.ok_or_else(|| format!("{field} is missing"))
}

fn known<T>(field: &str, name: &str, value: Option<T>) -> Decoded<T> {
    value.ok_or_else(|| format!("{field} is \"{name}\", which is unknown"))
}

fn sized(field: &str, found: usize, expected: usize) -> Decoded<()> {
    if found == expected { Ok(()) } else { Err(format!("{field} has {found} numbers, expected {expected}")) }
}

fn size(field: &str, value: u64) -> Decoded<usize> {
    usize::try_from(value).map_err(|_| format!("{field} is {value}, too large"))
}

fn class(name: &str) -> Decoded<ObjectClass> {
    known("class", name, ObjectClass::from_name(name))
}

fn pose(field: &str, pose: Option<&Pose>) -> Decoded<Isometry3<f64>> {
    let p = present(field, pose)?;
    // Not normalised: the numbers are those that were written.
    let rotation = UnitQuaternion::new_unchecked(Quaternion::new(p.qw, p.qx, p.qy, p.qz));
    Ok(Isometry3::from_parts(Translation3::new(p.x, p.y, p.z), rotation))
}

#[cfg(test)]
mod tests;
