//! The picture of a map: lanes, borders, directions, rules, and the task and traffic of a scenario.

use super::canvas::{Canvas, Pen, Pixel};
use super::colors::Color;
use super::{HEADER, HEIGHT, MARGIN, WIDTH, colors, text};
use maps::formats::Content;
use maps::formats::commonroad::{GoalPlace, PlanningProblem, Shape};
use maps::network::{Border, Lane, LaneKind, LaneNetwork, LaneStop};
use maps::{Corridor, Polyline};
use types::{Image, Pose2, StopKind};

/// Lanes and lines ahead of the ego that are drawn, m.
const AHEAD_M: f64 = 150.0;
const BEHIND_M: f64 = 30.0;
/// The smallest ground shown around a task, m.
const SMALLEST_M: f64 = 90.0;
/// Size of the ego as the scenarios' judge has it: length, width, from the rear axle to the centre, m.
const EGO_M: [f64; 3] = [4.508, 1.61, 1.4227];

const ROAD: Color = Color::hex(0x2a_33_3f);
const CENTER: Color = Color::hex(0x55_66_7a);
const PAINT: Color = Color::hex(0xd8_de_e6);
const KERB: Color = Color::hex(0x8b_7a_66);
const RAIL: Color = Color::hex(0x9a_5f_5f);
const OPEN: Color = Color::hex(0x4a_55_63);
const AREA: Color = Color::hex(0x1d_24_2d);
const CROSSING: Color = Color::hex(0x7f_a8_d8);
const GOAL: Color = Color::hex(0x5b_e3_7d);
const OTHER_LINE: Color = Color::hex(0xc8_8b_ff);

/// Ground to pixels: x to the right, y up.
struct Sheet {
    canvas: Canvas,
    scale: f64,
    middle: [f64; 2],
}

impl Sheet {
    fn new(low: [f64; 2], high: [f64; 2]) -> Self {
        let (width, height) = (WIDTH - 2 * MARGIN, HEIGHT - HEADER - MARGIN);
        let extent = [0, 1].map(|axis| (high[axis] - low[axis]).max(1.0));
        let scale = (width as f64 / extent[0]).min(height as f64 / extent[1]);
        let middle = [0, 1].map(|axis| 0.5 * (low[axis] + high[axis]));
        Self { canvas: Canvas::new(width, height, colors::PANEL), scale, middle }
    }

    fn pixel(&self, [x, y]: [f64; 2]) -> Pixel {
        let (width, height) = (self.canvas.width() as f64, self.canvas.height() as f64);
        [0.5 * width + (x - self.middle[0]) * self.scale, 0.5 * height - (y - self.middle[1]) * self.scale]
    }

    fn pixels(&self, points: &[[f64; 2]]) -> Vec<Pixel> {
        points.iter().map(|point| self.pixel(*point)).collect()
    }

    fn line(&mut self, points: &[[f64; 2]], pen: Pen) {
        let pixels = self.pixels(points);
        self.canvas.line(&pixels, pen);
    }

    fn fill(&mut self, corners: &[[f64; 2]], color: Color) {
        let pixels = self.pixels(corners);
        self.canvas.fill(&pixels, color);
    }

    /// A width in metres as one in pixels, at least `least`.
    fn wide(&self, metres: f64, least: f64) -> f64 {
        (metres * self.scale).max(least)
    }

    /// A triangle of a size in metres that points along a pose.
    fn arrow(&mut self, pose: &Pose2, size_m: f64, color: Color) {
        let corners = [
            pose.transform(size_m, 0.0),
            pose.transform(-size_m, 0.5 * size_m),
            pose.transform(-size_m, -0.5 * size_m),
        ];
        self.fill(&corners, color);
    }
}

/// Draws a map file. `span_m` is the width of the ground shown around the start of the task (or the middle of the map); without it the
/// picture holds the task, or the whole map.
#[must_use]
pub fn picture(title: &str, content: &Content, span_m: Option<f64>) -> Image {
    let map = content.map();
    let network = &map.network;
    let problem = content.scenario().and_then(|scenario| scenario.problems.first());
    let corridors = problem.map(|problem| problem.corridors(map, BEHIND_M, AHEAD_M)).unwrap_or_default();
    let (low, high) = window(content, problem, &corridors, span_m);
    let mut sheet = Sheet::new(low, high);
    ground(&mut sheet, network);
    rules(&mut sheet, network);
    if let Some(problem) = problem {
        task(&mut sheet, content, problem, &corridors);
    }
    traffic(&mut sheet, content);
    if let Some(problem) = problem {
        ego(&mut sheet, problem);
    }
    scale(&mut sheet);
    let mut page = Canvas::new(WIDTH, HEIGHT, colors::PAGE);
    let facts = facts(content, &corridors);
    let room = (WIDTH - 3 * MARGIN) as f64 - text::width(text::BODY, &facts);
    let title = text::shortened(title, (room / text::HEADING).max(0.0) as usize);
    page.text([MARGIN as f64, 29.0], text::HEADING, colors::TEXT, &title);
    page.text_right([(WIDTH - MARGIN) as f64, 29.0], text::BODY, colors::MUTED, &facts);
    page.place(&sheet.canvas, MARGIN, HEADER);
    page.into_image()
}

fn facts(content: &Content, corridors: &[Corridor]) -> String {
    let map = content.map();
    let roads = map.network.roads();
    let links: usize = roads.lanes.iter().map(|lane| lane.successors.len()).sum();
    let mut facts = format!(
        "{} lanes   {links} links   {} stops   {} signals   {} crossings   {} findings",
        roads.lanes.len(),
        roads.stops.len(),
        roads.signals.len(),
        roads.crossings.len(),
        map.findings.len()
    );
    if let Some(scenario) = content.scenario() {
        facts += &format!("   {} obstacles   {} lines", scenario.obstacles.len(), corridors.len());
    }
    facts
}

fn window(
    content: &Content,
    problem: Option<&PlanningProblem>,
    corridors: &[Corridor],
    span_m: Option<f64>,
) -> ([f64; 2], [f64; 2]) {
    let [low, high] = content.map().network.bounds();
    let center = problem
        .map_or([0, 1].map(|axis| 0.5 * (low[axis] + high[axis])), |problem| [problem.initial.x, problem.initial.y]);
    if let Some(span) = span_m {
        return (center.map(|v| v - 0.5 * span), center.map(|v| v + 0.5 * span));
    }
    let Some(problem) = problem else {
        let edge = 0.03 * (high[0] - low[0]).max(high[1] - low[1]) + 5.0;
        return (low.map(|v| v - edge), high.map(|v| v + edge));
    };
    let mut points = vec![center];
    for corridor in corridors {
        let to_m = corridor.goal_m.map_or(corridor.at_m + 0.7 * AHEAD_M, |[_, to]| to.min(corridor.at_m + AHEAD_M));
        for i in 0..=20 {
            let point = corridor.line.line.at(corridor.at_m + (to_m - corridor.at_m) * f64::from(i) / 20.0);
            points.push([point.x, point.y]);
        }
    }
    for place in problem.goals.iter().flat_map(|goal| &goal.places) {
        if let GoalPlace::Within(shape) = place {
            points.extend(shape.corners());
        }
    }
    let fold = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| points.iter().map(|p| p[axis]).fold(start, pick);
    let low = [0, 1].map(|axis| fold(axis, f64::min, f64::INFINITY));
    let high = [0, 1].map(|axis| fold(axis, f64::max, f64::NEG_INFINITY));
    let grow = |axis: usize| 12.0 + 0.5 * (SMALLEST_M - 24.0 - (high[axis] - low[axis])).max(0.0);
    ([0, 1].map(|axis| low[axis] - grow(axis)), [0, 1].map(|axis| high[axis] + grow(axis)))
}

/// Areas, lanes, borders, middles with directions.
fn ground(sheet: &mut Sheet, network: &LaneNetwork) {
    for area in &network.roads().areas {
        sheet.fill(&area.outline, AREA);
    }
    for lane in network.lanes() {
        sheet.fill(&lane.outline(), surface(lane.kind));
    }
    for lane in network.lanes() {
        border(sheet, &lane.left, lane.left_border);
        border(sheet, &lane.right, lane.right_border);
    }
    for lane in network.lanes().iter().filter(|lane| lane.kind != LaneKind::Sidewalk) {
        directions(sheet, lane);
    }
}

const fn surface(kind: LaneKind) -> Color {
    match kind {
        LaneKind::Driving => ROAD,
        LaneKind::Bicycle => Color::hex(0x4a_2f_33),
        LaneKind::Parking => Color::hex(0x2b_2c_50),
        LaneKind::Shoulder => Color::hex(0x23_2b_2b),
        LaneKind::Sidewalk => Color::hex(0x3b_3a_33),
    }
}

fn border(sheet: &mut Sheet, line: &Polyline, kind: Border) {
    let width = sheet.wide(0.12, 1.0);
    let pen = match kind {
        Border::Open => Pen::solid(OPEN, 1.0),
        Border::Dashed => Pen::dashed(PAINT, width, sheet.wide(3.0, 4.0), sheet.wide(3.0, 4.0)),
        Border::Solid => Pen::solid(PAINT, width),
        Border::Double => Pen::solid(PAINT, sheet.wide(0.35, 2.0)),
        Border::Kerb => Pen::solid(KERB, sheet.wide(0.2, 1.5)),
        Border::Rail => Pen::solid(RAIL, sheet.wide(0.2, 1.5)),
    };
    sheet.line(line.points(), pen);
}

fn directions(sheet: &mut Sheet, lane: &Lane) {
    sheet.line(lane.center.points(), Pen::dashed(CENTER, 1.0, 3.0, 5.0));
    let length = lane.center.length_m();
    // Large enough to be seen, small enough to leave the lane free.
    let size = (7.0 / sheet.scale).clamp(0.6, 6.0);
    let apart = (90.0 / sheet.scale).max(12.0);
    let count = (length / apart).round().max(1.0);
    if length > 3.0 * size {
        for i in 0..count as usize {
            sheet.arrow(&lane.center.pose(length * (i as f64 + 0.5) / count), size, CENTER);
        }
    }
}

/// Crossings, stop lines, signals.
fn rules(sheet: &mut Sheet, network: &LaneNetwork) {
    let roads = network.roads();
    for crossing in &roads.crossings {
        sheet.fill(&crossing.outline(), CROSSING.faded(0.35));
        let outline = sheet.pixels(&crossing.outline());
        sheet.canvas.outline(&outline, Pen::solid(CROSSING, 1.0));
    }
    for stop in &roads.stops {
        stop_line(sheet, network, stop);
    }
    for signal in &roads.signals {
        let pose = &signal.pose;
        let size = (5.0 / sheet.scale).clamp(0.5, 4.0);
        let color = if signal.pedestrian { CROSSING } else { colors::class(types::ObjectClass::TrafficLight) };
        let corners = [[size, 0.0], [0.0, size], [-size, 0.0], [0.0, -size]].map(|[x, y]| pose.transform(x, y));
        sheet.fill(&corners, color);
    }
}

fn stop_line(sheet: &mut Sheet, network: &LaneNetwork, stop: &LaneStop) {
    let lane = network.lane(stop.lane);
    let (left, right) = lane.reach_m(stop.s_m);
    let ends = [lane.center.offset(stop.s_m, left), lane.center.offset(stop.s_m, -right)].map(|p| [p.x, p.y]);
    let color = match stop.kind {
        StopKind::Signal(_) => colors::class(types::ObjectClass::TrafficLight),
        StopKind::GiveWay => Color::hex(0xff_b0_3a),
        StopKind::Crossing => CROSSING,
        StopKind::Stop | StopKind::Goal => colors::ALARM,
    };
    let width = sheet.wide(0.4, 2.0);
    sheet.line(&ends, if stop.painted { Pen::solid(color, width) } else { Pen::dashed(color, width, 3.0, 3.0) });
}

/// The goal and the lines that lead there; the best one on top.
fn task(sheet: &mut Sheet, content: &Content, problem: &PlanningProblem, corridors: &[Corridor]) {
    let map = content.map();
    for place in problem.goals.iter().flat_map(|goal| &goal.places) {
        let corners = match place {
            GoalPlace::Lane(lane) => map.network.lane(*lane).outline(),
            GoalPlace::Within(shape) => shape.corners(),
        };
        sheet.fill(&corners, GOAL.faded(0.25));
        let outline = sheet.pixels(&corners);
        sheet.canvas.outline(&outline, Pen::solid(GOAL, 2.0));
    }
    for (rank, corridor) in corridors.iter().enumerate().rev() {
        let line = &corridor.line.line;
        let count = (line.length() / 0.5).ceil().clamp(1.0, 1e5);
        let points: Vec<[f64; 2]> =
            (0..=count as usize).map(|i| line.at(line.length() * i as f64 / count)).map(|p| [p.x, p.y]).collect();
        let pen = if rank == 0 { Pen::solid(colors::PLAN, 2.5) } else { Pen::dashed(OTHER_LINE, 1.5, 8.0, 5.0) };
        sheet.line(&points, pen);
        if let Some(leave_by) = corridor.leave_by_m {
            let point = line.at(leave_by);
            sheet.arrow(&Pose2 { x: point.x, y: point.y, yaw: point.heading_rad }, 8.0 / sheet.scale, colors::ALARM);
        }
    }
}

/// Everybody at the first step.
fn traffic(sheet: &mut Sheet, content: &Content) {
    let Some(scenario) = content.scenario() else { return };
    let first = scenario.problems.first().map_or(0, |problem| problem.initial.step);
    for obstacle in &scenario.obstacles {
        let color = match obstacle.kind.as_str() {
            "truck" | "bus" => colors::class(types::ObjectClass::Truck),
            "bicycle" | "motorcycle" => colors::class(types::ObjectClass::Cyclist),
            "pedestrian" => colors::class(types::ObjectClass::Pedestrian),
            "parkedVehicle" => colors::class(types::ObjectClass::Unknown),
            _ => colors::class(types::ObjectClass::Car),
        };
        for shape in obstacle.ground(first) {
            sheet.fill(&shape.corners(), color.faded(0.6));
            let outline = sheet.pixels(&shape.corners());
            sheet.canvas.outline(&outline, Pen::solid(color, 1.5));
        }
        if let Some(state) = obstacle.at(first) {
            let pose = Pose2 { x: state.x, y: state.y, yaw: state.heading_rad };
            sheet.line(&[[state.x, state.y], pose.transform(state.speed_mps, 0.0)], Pen::solid(color, 1.5));
        }
    }
}

fn ego(sheet: &mut Sheet, problem: &PlanningProblem) {
    let pose = problem.pose();
    let [x, y] = pose.transform(EGO_M[2], 0.0);
    let body = Shape::Rectangle { center: [x, y], heading_rad: pose.yaw, length_m: EGO_M[0], width_m: EGO_M[1] };
    sheet.fill(&body.corners(), colors::EGO);
    let ahead = pose.transform(problem.initial.speed_mps, 0.0);
    sheet.line(&[[pose.x, pose.y], ahead], Pen::solid(colors::EGO, 1.5));
}

/// A bar of a round length in the lower left corner.
fn scale(sheet: &mut Sheet) {
    let rounds = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];
    let length = rounds.into_iter().rfind(|length| length * sheet.scale <= 240.0).unwrap_or(1.0);
    let bottom = sheet.canvas.height() as f64 - 16.0;
    sheet.canvas.line(&[[16.0, bottom], [16.0 + length * sheet.scale, bottom]], Pen::solid(colors::TEXT, 3.0));
    sheet.canvas.chip(
        [16.0, bottom - 24.0],
        text::SMALL,
        colors::TEXT,
        colors::PANEL.faded(0.7),
        &format!("{length} m"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROAD_FILE: &str = "<OpenDRIVE><road id=\"1\" length=\"60\" junction=\"-1\"><planView>
        <geometry s=\"0\" x=\"0\" y=\"0\" hdg=\"0\" length=\"60\"><line/></geometry></planView><lanes><laneSection s=\"0\">
        <right><lane id=\"-1\" type=\"driving\"><width sOffset=\"0\" a=\"3.5\" b=\"0\" c=\"0\" d=\"0\"/></lane></right>
        </laneSection></lanes></road></OpenDRIVE>";

    #[test]
    fn a_lane_is_painted_where_it_lies_whatever_the_span() {
        let content = maps::formats::read("r.xodr", ROAD_FILE.as_bytes()).unwrap();
        let whole = picture("r.xodr", &content, None);
        assert_eq!((whole.width, whole.height), (WIDTH, HEIGHT));
        let lit = |image: &Image| {
            let color = [ROAD.0, ROAD.1, ROAD.2];
            image.rgb.chunks_exact(3).filter(|pixel| *pixel == color).count()
        };
        // 60 m of 3.5 m at 1896 px for 60 + 2 * 6.8 m, less what is painted on it.
        let wanted = 60.0 * 3.5 * (1896.0f64 / 73.6).powi(2);
        assert!((0.75 * wanted..wanted).contains(&(lit(&whole) as f64)), "{} of {wanted}", lit(&whole));
        for span in [1e-9, 1e12, f64::NAN] {
            assert_eq!(picture("r", &content, Some(span)).rgb.len(), 3 * WIDTH * HEIGHT);
        }
    }
}
