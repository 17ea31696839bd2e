//! What surfaces look like in daylight.

use crate::facade;
use crate::grain::{beyond, cell, floor, grain};
use crate::light::mix;
use crate::surface::{CarPaint, Color, Surface};
use nalgebra::Vector3;

/// Look of a point of a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finish {
    /// Share of light that is thrown back in all directions.
    pub albedo: Color,
    /// Own light.
    pub glow: Color,
    /// Share of light that is mirrored.
    pub mirror: f32,
}

/// What of a look concerns surfaces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wear {
    /// Brightness of asphalt.
    pub asphalt: f32,
    /// Brightness of paint on the road.
    pub paint: f32,
    /// Share of paint that is worn off.
    pub worn: f32,
    /// Strength of cracks and patches.
    pub damage: f32,
    /// How wet the ground is, 0..1.
    pub wet: f32,
    /// Colour of grass and leaves: factors.
    pub green: Color,
    /// Dirt on cars, 0..1.
    pub dirt: f32,
    /// Whether lamps of cars and houses are lit.
    pub lamps: bool,
}

/// What a surface's look depends on besides the point.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The day.
    pub wear: &'a Wear,
    /// Extent of a pixel on the surface, m.
    pub span: f32,
    /// Number of the object: equal objects look different.
    pub variant: u32,
    /// Whether its brake lights are on.
    pub braking: bool,
}

impl Context<'_> {
    /// A pattern with texels of a size, less its mean; 0 where a pixel holds many texels.
    pub fn fine(&self, x: f32, y: f32, texel_m: f32) -> f32 {
        let scale = 1.0 / texel_m;
        if self.span * scale > 5.0 {
            return 0.0;
        }
        grain().one(0, x * scale, y * scale, self.span * scale) - 0.5
    }

    /// Soft patches up to a size, less their mean.
    pub fn patches(&self, x: f32, y: f32, size_m: f32) -> f32 {
        let scale = 64.0 / size_m;
        let shift = (self.variant & 0xFF) as f32;
        grain().one(1, x * scale + shift, y * scale + 3.0 * shift, self.span * scale) - 0.5
    }

    /// How clearly something of a size is seen, 0..1.
    pub fn sharpness(&self, size_m: f32) -> f32 {
        (1.5 - self.span / size_m).clamp(0.0, 1.0)
    }

    /// A fixed number in [0, 1) of this object.
    pub fn chance(&self, of: i32) -> f32 {
        cell(self.variant as i32, of)
    }
}

pub fn matte(albedo: Color) -> Finish {
    Finish { albedo, glow: [0.0; 3], mirror: 0.0 }
}

pub fn grey(value: f32) -> Color {
    [value; 3]
}

pub fn scaled(color: Color, by: f32) -> Color {
    color.map(|c| c * by.max(0.0))
}

pub const GLASS: Finish = Finish { albedo: [0.012, 0.015, 0.018], glow: [0.0; 3], mirror: 0.14 };

/// Look at a point of an object's frame (of `odom` for the ground).
pub fn finish(surface: Surface, p: &Vector3<f32>, normal: &Vector3<f32>, context: &Context) -> Finish {
    let wear = context.wear;
    match surface {
        Surface::Asphalt => asphalt(p.x, p.y, [1.0; 3], context),
        Surface::BicycleLane => asphalt(p.x, p.y, [1.9, 0.75, 0.6], context),
        Surface::Marking => marking(p.x, p.y, context),
        Surface::Concrete => {
            let joint = beyond(p.x, 5.0).min(beyond(p.y, 5.0)) < 0.03;
            let stain = 0.16 * context.patches(p.x, p.y, 9.0) + 0.05 * context.fine(p.x, p.y, 0.02);
            let crack = grain().at(p.x * 30.0, p.y * 30.0, context.span * 30.0)[2];
            let tone =
                0.30 + stain - 0.14 * wear.damage * crack - if joint { 0.1 * context.sharpness(0.04) } else { 0.0 };
            wetted(matte(scaled([1.02, 1.0, 0.95], tone)), p.x, p.y, context)
        }
        Surface::Sidewalk => {
            let (u, v) = (p.x / 0.5, p.y / 0.5);
            let joint = beyond(p.x, 0.5) < 0.02 || beyond(p.y, 0.5) < 0.02;
            let stone = 0.05 * (cell(floor(u), floor(v)) - 0.5) * context.sharpness(0.3);
            let tone = 0.27 + stone + 0.12 * context.patches(p.x, p.y, 4.0) + 0.03 * context.fine(p.x, p.y, 0.015)
                - if joint { 0.09 * context.sharpness(0.05) } else { 0.0 };
            wetted(matte(scaled([1.0, 0.98, 0.95], tone)), p.x, p.y, context)
        }
        Surface::Kerb => {
            let joint = beyond(p.x + p.y, 1.0) < 0.015;
            let tone = 0.34 + 0.06 * context.patches(p.x, p.y, 1.5) + 0.05 * context.fine(p.x, p.y, 0.01);
            matte(grey(tone - if joint { 0.12 * context.sharpness(0.05) } else { 0.0 }))
        }
        Surface::Grass => {
            let tone = 0.85 + 1.3 * context.patches(p.x, p.y, 6.0) + 0.9 * context.fine(p.x, p.y, 0.02);
            let dry = (0.4 + 2.0 * context.patches(p.y, p.x, 17.0)).clamp(0.0, 1.0);
            let color = [0.06 + 0.08 * dry, 0.13 + 0.02 * dry, 0.025 + 0.02 * dry];
            matte(scaled(std::array::from_fn(|c| color[c] * wear.green[c]), tone.max(0.15)))
        }
        Surface::Gravel => {
            let stone = 0.35 * context.fine(p.x, p.y, 0.025) + 0.2 * context.patches(p.x, p.y, 3.0);
            matte(scaled([0.27, 0.245, 0.21], 1.0 + stone))
        }
        Surface::CarBody(paint) => car_body(&paint, p, normal, context),
        Surface::CarCabin(paint) => {
            if paint.is_window(&p.cast(), &normal.cast()) {
                GLASS
            } else {
                let window_line =
                    p.z > paint.height as f32 - 0.10 && p.z < paint.height as f32 - 0.085 && normal.z < 0.8;
                if window_line { matte(grey(0.02)) } else { car_paint(&paint, p, context) }
            }
        }
        Surface::Wheel { hub_x, radius } => wheel(p, normal, hub_x as f32, radius as f32, context),
        Surface::Facade(color) => facade::finish(color, p, normal, context),
        Surface::Bark => {
            let groove = context.patches(p.x * 3.0 + p.y * 3.0, p.z * 0.4, 0.7);
            matte(scaled([0.12, 0.085, 0.055], 1.0 + 1.4 * groove))
        }
        Surface::Leaves(color) => {
            let (u, v) = (p.x + 0.7 * p.z, p.y - 0.6 * p.z);
            let clump = context.patches(u, v + p.z, 1.6);
            let leaf = context.fine(u, v + 0.7 * p.z, 0.07);
            let tone = (0.95 + 2.2 * clump + 1.1 * leaf).max(0.12);
            matte(scaled(std::array::from_fn(|c| color[c] * wear.green[c]), tone))
        }
        Surface::Head(color) => {
            let hair = normal.z > 0.35 || normal.x < -0.2;
            let tone = [0.02, 0.06, 0.16, 0.30][(context.chance(3) * 4.0) as usize % 4];
            matte(if hair { [tone * 1.1, tone * 0.8, tone * 0.55] } else { color })
        }
        Surface::Cloth(color) => {
            let fold = context.patches(p.x * 2.0 + p.y, p.z, 0.5);
            let shoe = p.z < 0.09;
            matte(if shoe { grey(0.03) } else { scaled(color, 1.0 + 0.9 * fold) })
        }
        Surface::Metal => {
            let rust = 0.15 * context.patches(p.x + p.y, p.z, 2.0);
            Finish { mirror: 0.05, ..matte(grey(0.22 + rust)) }
        }
        Surface::Sign => sign(p, normal),
        Surface::Painted(color) => {
            let dirt = wear.dirt * (0.5 + 1.2 * context.patches(p.x + p.y, p.z, 2.0)).clamp(0.0, 1.0);
            let own = 1.0 + 0.12 * context.patches(p.x, p.z + p.y, 3.0);
            Finish { mirror: 0.035 * (1.0 - dirt), ..matte(color.map(|c| c * own + (0.15 - c * own) * dirt)) }
        }
        Surface::Wall(color) => facade::wall(color, p.x + p.y, p.z, context),
        Surface::Wood => {
            let fibre = context.patches(p.x * 4.0 + p.y * 4.0, p.z * 0.5, 0.8);
            matte(scaled([0.24, 0.15, 0.08], 1.0 + fibre))
        }
        Surface::Glass => GLASS,
        Surface::Spokes { .. } => matte(grey(0.03)),
        Surface::Netting => matte(grey(0.2)),
    }
}

/// Look at a point of the ground that is painted in part.
pub fn ground(surface: Surface, painted: f32, p: &Vector3<f32>, normal: &Vector3<f32>, context: &Context) -> Finish {
    if painted <= 0.0 {
        return finish(surface, p, normal, context);
    }
    let paint = marking(p.x, p.y, context);
    if painted >= 1.0 {
        return paint;
    }
    let below = finish(surface, p, normal, context);
    Finish { albedo: mix(below.albedo, paint.albedo, painted), ..below }
}

/// Texels of the patterns of asphalt in a metre: patches of other age, cracks, grain.
pub const ASPHALT_PER_M: [f32; 3] = [5.8, 22.0, 1.0 / 0.013];
/// Grain that is smaller than this share of a pixel is not seen, in pixels per texel of cracks and of grain.
pub const ASPHALT_SEEN: [f32; 2] = [10.0, 5.0];

/// Brightness of asphalt beside its mean, from its patterns: two of patches, then texture and cracks, and grain less its mean.
#[inline(always)]
pub fn asphalt_tone(wear: &Wear, [large, other]: [f32; 2], [medium, crack]: [f32; 2], fine: f32) -> f32 {
    // Sharp-edged repairs.
    let repair = if other > 0.70 { -0.22 } else { 0.0 };
    let detail = 0.55 * fine + 0.25 * (medium - 0.5) - 0.55 * wear.damage * crack;
    1.0 + 0.45 * (large - 0.5) + wear.damage * repair + detail
}

/// What cracks look like from afar.
pub const FAR_CRACKS: [f32; 2] = [0.5, 0.03];
/// Asphalt is never darker.
pub const DARKEST: f32 = 0.012;

/// Grey with grain, patches of other age, cracks, and water.
fn asphalt(x: f32, y: f32, tint: Color, context: &Context) -> Finish {
    let (wear, span) = (context.wear, context.span);
    let [wide, middle, _] = ASPHALT_PER_M;
    let [.., large, _, other] = grain().at(wide * x, wide * y, wide * span);
    let cracks = if middle * span > ASPHALT_SEEN[0] {
        FAR_CRACKS
    } else {
        let [medium, _, crack, _] = grain().at(middle * x, middle * y, middle * span);
        [medium, crack]
    };
    let tone = asphalt_tone(wear, [large, other], cracks, context.fine(x, y, 0.013));
    let albedo = tint.map(|t| (wear.asphalt * t * tone).max(DARKEST));
    if wear.wet > 0.0 { wetted_by(matte(albedo), other, wear.wet) } else { matte(albedo) }
}

fn marking(x: f32, y: f32, context: &Context) -> Finish {
    let wear = context.wear;
    let rough = context.patches(y, x, 0.9) + 0.6 * context.fine(x, y, 0.02);
    let gone = ((wear.worn * 1.6 - 0.75 + rough) * 5.0).clamp(0.0, 0.85);
    let below = asphalt(x, y, [1.0; 3], context);
    let tone = wear.paint * (1.0 + 0.15 * rough);
    Finish { albedo: below.albedo.map(|b| tone + (b - tone) * gone), ..below }
}

fn wetted(dry: Finish, x: f32, y: f32, context: &Context) -> Finish {
    let wet = context.wear.wet;
    if wet > 0.0 { wetted_by(dry, grain().at(5.8 * x, 5.8 * y, 5.8 * context.span)[3], wet) } else { dry }
}

/// Wet ground is darker and mirrors; puddles stand in its hollows.
fn wetted_by(dry: Finish, hollow: f32, wet: f32) -> Finish {
    let puddle = ((hollow - 1.05 + 0.5 * wet) * 8.0).clamp(0.0, 1.0);
    let film = wet * (0.5 + 0.5 * puddle);
    Finish { albedo: dry.albedo.map(|c| c * (1.0 - 0.55 * film)), mirror: 0.012 * wet + 0.05 * puddle, ..dry }
}

fn car_paint(paint: &CarPaint, p: &Vector3<f32>, context: &Context) -> Finish {
    let flakes = 1.0 + 0.12 * context.fine(p.x + p.z, p.y + p.z, 0.006);
    let low = (1.0 - p.z / 0.75).clamp(0.0, 1.0);
    let dirt = context.wear.dirt * (low * 0.7 + 0.25 * (context.patches(p.x, p.z + p.y, 1.5) + 0.3)).clamp(0.0, 1.0);
    let albedo = std::array::from_fn(|c| {
        let own = paint.color[c] * flakes;
        own + (0.17 - 0.02 * c as f32 - own) * dirt
    });
    Finish { albedo, glow: [0.0; 3], mirror: 0.055 * (1.0 - 0.8 * dirt) }
}

fn car_body(paint: &CarPaint, p: &Vector3<f32>, normal: &Vector3<f32>, context: &Context) -> Finish {
    let (length, width) = (paint.length as f32, paint.width as f32);
    if normal.x.abs() > 0.7 {
        let rear = normal.x < 0.0;
        if paint.is_light(&p.cast()) {
            return lamp(0.5 * width - p.y.abs(), rear, context);
        }
        if paint.is_plate(&p.cast()) {
            return plate(p.y, p.z, context);
        }
        let grille = !rear && p.y.abs() < 0.45 * width && (0.56..0.70).contains(&p.z);
        if grille || p.z < 0.34 {
            let bars = if grille && beyond(p.z, 0.045) < 0.015 { 0.12 * context.sharpness(0.03) } else { 0.0 };
            return matte(grey(0.02 + bars));
        }
        let boot = rear && ((p.z - 0.83).abs() < 0.008 || (p.y.abs() - 0.36 * width).abs() < 0.008);
        if boot {
            return matte(scaled(paint.color, 1.0 - 0.7 * context.sharpness(0.02)));
        }
    }
    if normal.y.abs() > 0.7 {
        if paint.is_arch(&p.cast()) || p.z < 0.27 {
            return matte(grey(0.015));
        }
        let seam = [-0.27, -0.04, 0.2].iter().any(|share| (p.x - share * length).abs() < 0.01);
        if seam && p.z > 0.35 {
            return matte(scaled(paint.color, 1.0 - 0.85 * context.sharpness(0.02)));
        }
        let handle = [-0.24, -0.01].iter().any(|share| (p.x - share * length - 0.1).abs() < 0.09);
        if handle && (0.74..0.77).contains(&p.z) {
            return matte(scaled(paint.color, 0.5));
        }
    }
    car_paint(paint, p, context)
}

/// A lamp, `from_side` metres from the side of the car.
fn lamp(from_side: f32, rear: bool, context: &Context) -> Finish {
    let lit = context.wear.lamps;
    if rear {
        let reverse = from_side > 0.34;
        let glow = match (context.braking && !reverse, lit && !reverse) {
            (true, _) => [1.7, 0.06, 0.03],
            (_, true) => [0.5, 0.015, 0.01],
            _ => [0.0; 3],
        };
        let albedo = if reverse { [0.5, 0.42, 0.4] } else { [0.30, 0.015, 0.015] };
        return Finish { albedo, glow, mirror: 0.05 };
    }
    let core = (0.16..0.38).contains(&from_side);
    let glow = if lit && core { [2.6, 2.5, 2.2] } else { [0.03; 3] };
    Finish { albedo: if core { [0.55, 0.56, 0.58] } else { [0.25; 3] }, glow, mirror: 0.07 }
}

/// A number plate: black signs on white or yellow.
fn plate(y: f32, z: f32, context: &Context) -> Finish {
    let column = floor((y + 0.24) / 0.06);
    let within = beyond(y + 0.24, 0.06);
    let sign = (0.44..0.52).contains(&z) && (0.012..0.048).contains(&within) && column != 3;
    let stroke = cell(column + 64 * context.variant as i32, floor((z - 0.44) / 0.02) + floor(within / 0.018)) > 0.45;
    let ground = if context.chance(9) < 0.25 { [0.7, 0.55, 0.08] } else { [0.72, 0.72, 0.70] };
    let ink = if sign && stroke { 0.85 * context.sharpness(0.03) } else { 0.25 * (1.0 - context.sharpness(0.03)) };
    matte(scaled(ground, 1.0 - ink))
}

fn wheel(p: &Vector3<f32>, normal: &Vector3<f32>, hub_x: f32, radius: f32, context: &Context) -> Finish {
    let (x, z) = (p.x - hub_x, p.z - radius);
    let from_hub = (x * x + z * z).sqrt() / radius;
    if normal.y.abs() < 0.9 || from_hub > 0.68 {
        return matte(grey(0.017 + 0.02 * context.wear.dirt));
    }
    if !(0.16..=0.62).contains(&from_hub) {
        return Finish { mirror: 0.06, ..matte(grey(0.33)) };
    }
    // Spokes: a car has five to nine.
    let spokes = 5 + (context.chance(5) * 5.0) as i32;
    let angle = turn(x, z) * spokes as f32;
    let gap = (beyond(angle, 1.0) - 0.5).abs() > 0.20 + 0.16 * from_hub;
    let metal = [0.32, 0.08, 0.25, 0.42][(context.chance(6) * 4.0) as usize % 4];
    if gap {
        matte(grey(0.012 + 0.3 * metal * (1.0 - context.sharpness(0.04))))
    } else {
        Finish { mirror: 0.05, ..matte(grey(metal)) }
    }
}

/// Direction of a vector as a share of a turn, to about 1 %, of plain arithmetic.
fn turn(x: f32, y: f32) -> f32 {
    let sum = x.abs() + y.abs();
    if sum <= 0.0 {
        return 0.0;
    }
    let share = y / sum;
    if x >= 0.0 { 0.25 * share } else { 0.5 - 0.25 * share }
}

fn sign(p: &Vector3<f32>, normal: &Vector3<f32>) -> Finish {
    if normal.x > -0.5 {
        return matte(grey(0.3));
    }
    // A white triangle on blue.
    let up = (p.z - 2.2) / 0.5;
    let triangle = (0.0..1.0).contains(&up) && p.y.abs() < 0.28 * (1.0 - up);
    matte(if triangle { grey(0.85) } else { [0.02, 0.10, 0.45] })
}
