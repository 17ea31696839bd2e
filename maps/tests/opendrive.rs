//! OpenDRIVE files, small and made here: shapes against closed forms, links over roads and junctions, rules.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod support;

use maps::formats::opendrive::read;
use maps::{Border, LaneKind, Neighbor};
use proptest::prelude::*;
use support::mutated;
use types::StopKind;

fn width(a: f64, b: f64) -> String {
    format!("<width sOffset=\"0\" a=\"{a}\" b=\"{b}\" c=\"0\" d=\"0\"/>")
}

fn lane(id: i32, kind: &str, inside: &str) -> String {
    format!("<lane id=\"{id}\" type=\"{kind}\" level=\"false\">{inside}</lane>")
}

fn geometry(s: f64, [x, y, heading]: [f64; 3], length: f64, shape: &str) -> String {
    format!("<geometry s=\"{s}\" x=\"{x}\" y=\"{y}\" hdg=\"{heading}\" length=\"{length}\">{shape}</geometry>")
}

/// A town road of 50 m along x with two lanes to the right and one to the left, a bend of 20 m radius behind it, and a junction from its
/// bend to two roads.
fn town() -> String {
    let link = |inside: &str| format!("<link>{inside}</link>");
    let broken = "<roadMark sOffset=\"0\" type=\"broken\"/>";
    let lanes = |successors: bool, sides: &str| {
        let next = |id: i32| if successors { link(&format!("<successor id=\"{id}\"/>")) } else { String::new() };
        format!(
            "<lanes><laneSection s=\"0\">{}<center>{}</center><right>{}{}{}</right></laneSection></lanes>",
            if sides == "both" {
                format!("<left>{}</left>", lane(1, "driving", &(next(1) + &width(3.0, 0.0))))
            } else {
                String::new()
            },
            lane(0, "none", "<roadMark sOffset=\"0\" type=\"solid\"/>"),
            lane(-1, "driving", &(next(-1) + &width(3.5, 0.0) + broken)),
            lane(-2, "driving", &(next(-2) + &width(3.0, 0.0) + "<speed sOffset=\"0\" max=\"30\" unit=\"km/h\"/>")),
            lane(-3, "sidewalk", &width(2.0, 0.0)),
        )
    };
    let length = 20.0 * std::f64::consts::FRAC_PI_2;
    let straight = format!(
        "<road id=\"1\" length=\"50\" junction=\"-1\">{}<type s=\"0\" type=\"town\"/><planView>{}</planView>{}
         <signals><signal s=\"40\" t=\"-8\" id=\"7\" dynamic=\"yes\" orientation=\"+\" type=\"1000001\"/>
         <signal s=\"38\" t=\"-3\" id=\"8\" dynamic=\"no\" orientation=\"+\" type=\"294\"/>
         <signal s=\"5\" t=\"4\" id=\"9\" dynamic=\"no\" orientation=\"-\" type=\"205\"/></signals>
         <objects><object type=\"crosswalk\" id=\"3\" s=\"44\" t=\"0\" hdg=\"0\" length=\"4\" width=\"10\"/></objects></road>",
        link("<successor elementType=\"road\" elementId=\"2\" contactPoint=\"start\"/>"),
        geometry(0.0, [0.0, 0.0, 0.0], 50.0, "<line/>"),
        lanes(true, "both")
    );
    let bend = format!(
        "<road id=\"2\" length=\"{length}\" junction=\"-1\">{}<planView>{}</planView>{}</road>",
        link(
            "<predecessor elementType=\"road\" elementId=\"1\" contactPoint=\"end\"/>
             <successor elementType=\"junction\" elementId=\"50\"/>"
        ),
        geometry(0.0, [50.0, 0.0, 0.0], length, "<arc curvature=\"0.05\"/>"),
        lanes(false, "both").replace(
            "type=\"driving\" level=\"false\">",
            "type=\"driving\" level=\"false\"><link><predecessor id=\"@\"/></link>"
        )
    );
    // Each lane of the bend comes from the lane of the same number.
    let bend = ["1", "-1", "-2"].iter().fold(bend, |text, id| text.replacen('@', id, 1));
    let ahead = format!(
        "<road id=\"3\" length=\"30\" junction=\"50\">{}<planView>{}</planView>
         <lanes><laneSection s=\"0\"><center>{}</center><right>{}</right></laneSection></lanes></road>",
        link("<predecessor elementType=\"road\" elementId=\"2\" contactPoint=\"end\"/>"),
        geometry(0.0, [70.0, 20.0, std::f64::consts::FRAC_PI_2], 30.0, "<line/>"),
        lane(0, "none", ""),
        lane(-1, "driving", &(link("<predecessor id=\"-1\"/>") + &width(3.5, -0.05)))
    );
    let junction = "<junction id=\"50\"><connection id=\"0\" incomingRoad=\"2\" connectingRoad=\"3\" contactPoint=\"start\">
        <laneLink from=\"-1\" to=\"-1\"/></connection>
        <connection id=\"1\" incomingRoad=\"2\" connectingRoad=\"404\" contactPoint=\"start\"><laneLink from=\"-2\" to=\"-1\"/>
        </connection></junction>";
    format!(
        "<?xml version=\"1.0\"?><OpenDRIVE><header revMajor=\"1\" revMinor=\"6\"/>{straight}{bend}{ahead}{junction}</OpenDRIVE>"
    )
}

#[test]
fn lanes_lie_beside_the_reference_line_and_follow_each_other() {
    let map = read("town.xodr", town().as_bytes()).unwrap();
    let id = |name: &str| map.lane(name).unwrap_or_else(|| panic!("{name} in {:?}", map.names));
    let lanes = map.network.lanes();
    let (inner, outer, oncoming) = (id("1.0.-1"), id("1.0.-2"), id("1.0.1"));
    let start = |lane: usize| lanes[lane].center.pose(0.0);
    assert!((start(inner).y + 1.75).abs() < 1e-9 && (start(outer).y + 5.0).abs() < 1e-9);
    assert!((start(oncoming).x - 50.0).abs() < 1e-5 && (start(oncoming).y - 1.5).abs() < 1e-9);
    assert!((start(oncoming).yaw.abs() - std::f64::consts::PI).abs() < 1e-9);
    assert_eq!(lanes[inner].successors, [id("2.0.-1")]);
    assert_eq!(lanes[id("2.0.-1")].successors, [id("3.0.-1")]);
    assert_eq!(lanes[id("2.0.1")].successors, [oncoming]);
    assert!(lanes[id("2.0.-2")].successors.is_empty());
    assert_eq!(lanes[inner].right_neighbor, Some(Neighbor { lane: outer, same_direction: true }));
    assert_eq!(lanes[inner].left_neighbor, Some(Neighbor { lane: oncoming, same_direction: false }));
    assert_eq!((lanes[inner].left_border, lanes[inner].right_border), (Border::Solid, Border::Dashed));
    assert_eq!(lanes[id("1.0.-3")].kind, LaneKind::Sidewalk);
    assert!((lanes[outer].speed_limit_mps - 30.0 / 3.6).abs() < 1e-12 && map.posted[outer]);
    assert!((lanes[inner].speed_limit_mps - 50.0 / 3.6).abs() < 1e-12 && !map.posted[inner]);
    // The bend turns left around (50, 20): to the right of its line radii grow.
    let bend = &lanes[id("2.0.-1")].center;
    for i in 0..=50 {
        let pose = bend.pose(bend.length_m() * f64::from(i) / 50.0);
        assert!(((pose.x - 50.0).hypot(pose.y - 20.0) - 21.75).abs() < 0.012, "{pose:?}");
    }
    assert!((bend.length_m() - 21.75 * std::f64::consts::FRAC_PI_2).abs() < 0.01);
    let narrowing = &lanes[id("3.0.-1")];
    assert!((narrowing.width_m(15.0) - 2.75).abs() < 0.01, "{}", narrowing.width_m(15.0));
}

#[test]
fn lights_signs_and_crosswalks_stand_on_their_lanes() {
    let map = read("town.xodr", town().as_bytes()).unwrap();
    let roads = map.network.roads();
    let told: Vec<_> =
        roads.stops.iter().map(|stop| (map.names[stop.lane].as_str(), stop.kind, stop.painted)).collect();
    let light = StopKind::Signal(7);
    assert_eq!(told, [("1.0.-1", light, true), ("1.0.-2", light, true), ("1.0.1", StopKind::GiveWay, false)]);
    assert!((roads.stops[0].s_m - 38.0).abs() < 1e-6 && (roads.stops[2].s_m - 45.0).abs() < 1e-4, "{:?}", roads.stops);
    assert!((roads.signals[0].pose.x - 40.0).abs() < 1e-9 && (roads.signals[0].pose.y + 8.0).abs() < 1e-9);
    let crossing = &roads.crossings[0];
    assert!((crossing.width_m - 4.0).abs() < 1e-9 && (crossing.from[1] - crossing.to[1]).abs() > 9.9, "{crossing:?}");
}

#[test]
fn left_hand_traffic_turns_the_lanes_round() {
    let text = town().replace("length=\"50\" junction", "length=\"50\" rule=\"LHT\" junction");
    let map = read("left.xodr", text.as_bytes()).unwrap();
    let lane = map.network.lane(map.lane("1.0.-1").unwrap());
    assert!((lane.center.pose(0.0).x - 50.0).abs() < 1e-5);
}

#[test]
fn what_is_wrong_is_said_with_file_element_and_number() {
    for (from, to, wanted) in [
        ("<arc curvature=\"0.05\"/>", "<arc curvature=\"oops\"/>", "curvature is `oops`"),
        ("<arc curvature=\"0.05\"/>", "<arc curvature=\"99\"/>", "curvature is 99 1/m"),
        ("<line/>", "<knot/>", "has none of"),
        ("length=\"50\" junction", "length=\"1e9\" junction", "length is 1000000000 m"),
        ("a=\"3.5\"", "a=\"NaN\"", "a is `NaN`, which is not finite"),
        ("<lane id=\"-2\"", "<lane id=\"-5\"", "lane -3 stands where lane -2 belongs"),
        ("<road id=\"2\"", "<road id=\"1\"", "lane 1.0."),
        ("<planView>", "<planViews>", "XML"),
    ] {
        let text = town();
        assert!(text.contains(from), "{from}");
        let said = read("bad.xodr", text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(said.starts_with("bad.xodr: ") && said.contains(wanted), "{wanted}: {said}");
    }
    let said = read("a.xodr", b"<OpenDRIVE/>").unwrap_err().to_string();
    assert_eq!(said, "a.xodr: the network has no lane");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6)) {
        if let Err(error) = read("damaged.xodr", &mutated(town().as_bytes(), &changes)) {
            prop_assert!(error.to_string().starts_with("damaged.xodr: "));
        }
    }
}
