use super::*;
use crate::event::EventKind;
use nalgebra::{Isometry3, Point3, Vector3};
use types::{Box3, PointKind};

fn world(family: &str, seed: u64) -> World {
    World::new(&Scenario::family(family).unwrap(), seed).unwrap()
}

fn bytes_of(seed: u64) -> (Vec<u8>, Vec<u8>, InsFix, WheelSpeed) {
    let mut world = world("urban", seed);
    world.advance(0.3);
    let (sweep, picture) = (world.lidar_sweep().data, world.camera_frame().unwrap().data);
    (sweep.to_vec(), picture.to_vec(), world.ins_fix(), world.wheel_speed())
}

fn inside(bbox: &Box3, point: &Point3<f64>, margin: f64) -> bool {
    let local = bbox.pose().inverse_transform_point(point);
    local.x.abs() <= 0.5 * bbox.length + margin
        && local.y.abs() <= 0.5 * bbox.width + margin
        && local.z.abs() <= 0.5 * bbox.height + margin
}

fn truth_at(world: &World, time_ns: i64) -> Vec<TruthObject> {
    World { sensed_ns: time_ns, ..world.clone() }.truth().objects
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(bytes_of(5), bytes_of(5));
    let (other, same) = (bytes_of(6), bytes_of(5));
    assert!(other.0 != same.0 && other.1 != same.1 && other.2 != same.2 && other.3 != same.3);
}

#[test]
fn a_seed_that_is_too_large_is_refused() {
    let urban = Scenario::family("urban").unwrap();
    let error = World::new(&urban, u64::MAX).unwrap_err().to_string();
    assert!(error.contains("18446744073709551615") && error.contains("9007199254740992"), "{error}");
}

#[test]
fn odom_starts_at_the_ego_and_the_route_passes_through_it() {
    for (family, _) in Scenario::FAMILIES {
        let mut world = world(family, 1);
        let start = world.ego().pose();
        assert!(start.x.hypot(start.y) < 1e-9 && start.yaw == 0.0);
        assert_eq!(world.calibration().validate(), Ok(()));
        let near = |point: &types::RoutePoint| point.pose.x.hypot(point.pose.y) < 1.1 && point.pose.yaw.abs() < 0.02;
        assert!(world.route().points.iter().any(near), "{family}");
        let (first, second) = (world.ins_fix(), world.ins_fix());
        assert_eq!((first.seq, second.seq, first.state.stamp), (0, 1, world.stamp()));
        for bad in [0.0, -1.0, f64::NAN] {
            world.advance(bad);
        }
        assert_eq!(world.stamp(), first.state.stamp);
    }
    let mut world = world("urban", 1);
    let start = world.stamp();
    world.advance(f64::INFINITY);
    assert_eq!(world.stamp().nanos() - start.nanos(), 60_000_000_000);
}

/// Undoing the motion of ego and object, each return lies in the box of what it came from, and ground returns on the ground.
#[test]
fn every_return_comes_from_where_the_truth_says() {
    for seed in [1, 2] {
        let mut world = world("urban", seed);
        world.advance(3.7);
        let mut echoes = Vec::new();
        world.scan(&mut echoes);
        let base_from_lidar = world.calibration().base_from_lidar;
        let (mut on_objects, mut time_ns, mut truth, mut odom_from_lidar) = (0, -1, Vec::new(), base_from_lidar);
        let mut outside = 0;
        for echo in &echoes {
            if i64::from(echo.time_ns) != time_ns {
                time_ns = i64::from(echo.time_ns);
                truth = truth_at(&world, world.sensed_ns + time_ns);
                let ego = world.history.ego(world.sensed_ns + time_ns);
                odom_from_lidar = isometry(&ego.pose) * base_from_lidar;
            }
            let point = odom_from_lidar * Point3::from(echo.point.map(f64::from));
            match echo.object {
                None => assert!((-0.3..0.5).contains(&point.z), "{point}"),
                Some(object) => {
                    if let Some(found) = truth.iter().find(|t| t.id == object as u64) {
                        on_objects += 1;
                        outside += usize::from(!inside(&found.bbox, &point, 0.25));
                    }
                }
            }
        }
        assert!(on_objects > 100, "{on_objects}");
        assert!(outside * 200 < on_objects, "{outside} of {on_objects}");
    }
}

/// What the truth says of a sweep and a picture is what they hold.
#[test]
fn the_truth_counts_points_and_pixels() {
    let mut world = world("urban", 3);
    world.advance(2.0);
    assert!(world.truth().objects.iter().all(|object| object.points == 0 && object.image.is_none()));
    let sweep = world.lidar_sweep();
    world.camera_frame().unwrap();
    let truth = world.truth();
    assert_eq!((truth.seq, truth.stamp), (sweep.seq, sweep.stamp));
    assert!(truth.objects.iter().any(|object| object.points > 50));
    assert!(truth.objects.iter().any(|object| object.image.is_some() && object.visible > 0.5));
    world.advance(0.1);
    assert!(world.truth().objects.iter().all(|object| object.points == 0));
}

#[test]
fn stamps_and_times_do_not_depend_on_the_step() {
    let (mut once, mut often) = (world("urban", 4), world("urban", 4));
    once.advance(1.0);
    (0..8).for_each(|_| often.advance(0.125));
    assert_eq!(once.ego(), often.ego());
    assert_eq!(once.truth(), often.truth());
}

/// A board in front of the camera: its pixels and its lidar points, projected, are the same pixels.
#[test]
fn camera_and_lidar_agree() {
    let mut world = world("urban", 2);
    let calibration = world.calibration();
    let model = calibration.camera.unwrap();
    // A dark red post, 10 m ahead and 2 m to the left, on flat asphalt.
    let shape = crate::shape::Shape::Block { min: Vector3::new(-0.1, -0.4, 0.0), max: Vector3::new(0.1, 0.4, 3.0) };
    let part = Part { shape, surface: Surface::Cloth([0.9, 0.0, 0.0]) };
    let body = Body::new([0.2, 0.8, 3.0], vec![part]);
    let post = Object::new(Some(ObjectClass::Unknown), body, Pose2 { x: 10.0, y: 2.0, yaw: 0.0 }, 0.0);
    let mut scene = Scene::on_the_street(vec![post]);
    let (image, _) = world.camera.render(&scene, &Isometry3::identity());
    let mut echoes = Vec::new();
    world.lidar.scan(&mut scene, |_, _| Isometry3::identity(), &mut echoes);
    let (mut checked, mut red) = (0, 0);
    for echo in echoes.iter().filter(|echo| echo.object == Some(0) && !echo.mixed) {
        let [u, v, depth] = model.project(&Point3::from(echo.point.map(f64::from))).unwrap();
        assert!((depth - 8.5).abs() < 0.3, "{depth}");
        if (0.0..540.0).contains(&v) {
            let pixel = 3 * (v.round() as usize * image.width + u.round() as usize);
            let [r, g, b] = [0, 1, 2].map(|c| i32::from(image.rgb[pixel + c]));
            (checked, red) = (checked + 1, red + i32::from(r > g + 40 && r > b + 40));
        }
    }
    // Noise may push a point at the rim one pixel out.
    assert!(checked > 50 && red >= checked * 9 / 10, "{red} of {checked}");
}

#[test]
fn the_message_describes_its_bytes() {
    let mut world = world("highway", 1);
    let sweep = world.lidar_sweep();
    assert_eq!((sweep.seq, sweep.stamp, sweep.data.len() % sweep.stride), (0, world.stamp(), 0));
    let kinds: Vec<_> = sweep.fields.iter().map(|f| (f.name.as_str(), f.offset, f.kind)).collect();
    assert!(kinds.contains(&("z", 8, PointKind::F32)) && kinds.contains(&("ring", 16, PointKind::U16)));
    let last = sweep.data.chunks_exact(sweep.stride).next_back().unwrap();
    let time = u32::from_le_bytes(last[20..24].try_into().unwrap());
    assert!(i64::from(time) < SWEEP_NS && time > 90_000_000);
    world.advance(0.1);
    assert_eq!(world.lidar_sweep().seq, 1);
}

/// Full speed ahead without a look ends badly, and the judge says so.
#[test]
fn a_blind_driver_is_found_out() {
    let mut world = world("urban", 1);
    let command = Command {
        tick: 0,
        stamp: world.stamp(),
        steering_rad: 0.0,
        acceleration_mps2: 2.0,
        plan: None,
        ego: None,
        stop: None,
        limits: 0,
        fallback: None,
        grant: None,
    };
    world.drive(Driver::Command(command));
    world.advance(12.0);
    let events = world.events();
    assert!(events.iter().any(|event| matches!(event.kind, EventKind::OffRoad { .. })), "{events:?}");
    assert!(events.iter().any(|event| matches!(event.kind, EventKind::Speeding { .. })), "{events:?}");
    assert!(world.events().is_empty());
}

/// Everybody keeps clear of everybody, and the scripted driver breaks no rule and arrives.
#[test]
fn the_scripted_driver_arrives_without_a_scratch() {
    for (family, _) in Scenario::FAMILIES {
        for seed in 100..106 {
            let mut world = world(family, seed);
            let mut events = Vec::new();
            for _ in 0..(world.duration_s() * 4.0) as usize {
                world.advance(0.5);
                events.extend(world.events());
                assert_eq!(touching(&world.truth().objects), None, "{family} {seed} at {:?}", world.stamp());
                if world.has_arrived() {
                    break;
                }
            }
            events.retain(|event| event.kind != EventKind::Goal);
            assert!(events.is_empty(), "{family} {seed}: {events:?}");
            assert!(world.has_arrived(), "{family} {seed}: {:?}", world.progress());
        }
    }
}

/// Two vehicles, or a vehicle and a person on foot, that overlap while one of them moves. A tractor overlaps its trailer.
fn touching(objects: &[TruthObject]) -> Option<(u64, u64)> {
    for (i, a) in objects.iter().enumerate() {
        for b in &objects[..i] {
            let on_foot = |object: &TruthObject| object.class == ObjectClass::Pedestrian;
            let hitched = a.id == b.id + 1 && a.class == ObjectClass::Truck && b.class == ObjectClass::Truck;
            let still = a.velocity_mps == [0.0; 2] && b.velocity_mps == [0.0; 2];
            let exempt = hitched || still || (on_foot(a) && on_foot(b));
            if !exempt && a.bbox.overlaps_bev(&b.bbox) {
                return Some((b.id, a.id));
            }
        }
    }
    None
}
