//! Walls of houses: brick, plaster or concrete, with windows, doors and shops.

use crate::grain::{beyond, cell, floor};
use crate::light::mix;
use crate::paint::{Context, Finish, GLASS, grey, matte, scaled};
use crate::surface::Color;
use nalgebra::Vector3;

/// Look of a point of a house's wall or roof.
pub fn finish(color: Color, p: &Vector3<f32>, normal: &Vector3<f32>, context: &Context) -> Finish {
    if normal.z > 0.5 {
        return matte(scaled([0.17, 0.15, 0.14], 1.0 + context.patches(p.x, p.y, 4.0)));
    }
    let along = if normal.x.abs() > 0.5 { p.y } else { p.x } + 64.0;
    let storey = 2.8 + 0.6 * context.chance(1);
    let (floor_index, z) = (floor(p.z / storey), beyond(p.z, storey));
    let is_shop = floor_index == 0 && context.chance(2) < 0.4;
    let period = if is_shop { 4.2 } else { 1.7 + 1.6 * context.chance(3) };
    let half = if is_shop { 1.8 } else { period * (0.22 + 0.13 * context.chance(4)) };
    let (low, high) = if is_shop { (0.35, storey - 0.5) } else { (0.8 + 0.15 * context.chance(5), storey - 0.55) };
    let (column, u) = (floor(along / period), beyond(along, period) - 0.5 * period);
    let is_door = floor_index == 0 && cell(column, context.variant as i32) < 0.16;
    let (low, high) = if is_door { (0.0, 2.15) } else { (low, high) };
    let half = if is_door { half.min(0.6) } else { half };
    let inside = |margin: f32| u.abs() < half + margin && z > low - margin && z < high + margin;
    if inside(0.0) {
        return if is_door {
            door(u, z, column, context)
        } else {
            window([u, z], half, low, high, [column, floor_index], context)
        };
    }
    let frame = 0.04 + 0.07 * context.chance(7);
    if inside(frame) {
        return matte(if context.chance(6) < 0.6 { grey(0.55) } else { scaled(color, 0.55) });
    }
    wall(color, along, p.z, context)
}

fn door(u: f32, z: f32, column: i32, context: &Context) -> Finish {
    let colors = [[0.10, 0.05, 0.03], [0.04, 0.09, 0.06], [0.25, 0.24, 0.23], [0.03, 0.05, 0.13]];
    let color = colors[(cell(column, 77) * 4.0) as usize % 4];
    let panel = u.abs() < 0.4 && (0.3..1.0).contains(&z);
    if z > 1.75 {
        GLASS
    } else {
        matte(scaled(color, if panel { 0.8 } else { 1.0 + 0.3 * context.patches(u, z, 1.0) }))
    }
}

fn window([u, z]: [f32; 2], half: f32, low: f32, high: f32, cell_of: [i32; 2], context: &Context) -> Finish {
    let bar = u.abs() < 0.03 || (z - low - 0.66 * (high - low)).abs() < 0.025;
    if bar && context.chance(8) < 0.75 {
        return matte(grey(0.1 + 0.45 * context.sharpness(0.1)));
    }
    let chance = cell(cell_of[0] * 31 + context.variant as i32, cell_of[1]);
    if context.wear.lamps && chance < 0.3 {
        return Finish { glow: [0.30, 0.22, 0.11], ..GLASS };
    }
    let curtain = chance > 0.72 && (u.abs() > 0.45 * half || z > low + (chance - 0.5) * 2.0 * (high - low));
    if curtain {
        return Finish {
            mirror: 0.05,
            ..matte(scaled([0.36, 0.35, 0.32], 0.7 + chance * 0.4 + 0.1 * (u * 40.0).clamp(-1.0, 1.0)))
        };
    }
    GLASS
}

/// A wall without windows at a place along it and a height.
pub fn wall(color: Color, along: f32, z: f32, context: &Context) -> Finish {
    // Walls are seldom as bright in colour as paint can be.
    let tone = (color[0] + color[1] + color[2]) / 3.0;
    let color = mix([tone; 3], color, 0.25 + 0.45 * context.chance(11));
    let stain = 0.30 * context.patches(along, 0.6 * z, 5.0) - 0.12 * (1.0 - z / 2.5).clamp(0.0, 1.0);
    let plinth = if z < 0.45 { 0.62 } else { 1.0 };
    let style = context.chance(10);
    let pattern = if style < 0.35 {
        // Brick.
        let row = floor(z / 0.075);
        let shifted = along + if row & 1 == 0 { 0.0 } else { 0.125 };
        let joint = beyond(z, 0.075) < 0.012 || beyond(shifted, 0.25) < 0.012;
        let stone = 0.3 * (cell(floor(shifted / 0.25), row) - 0.5) * context.sharpness(0.12);
        stone + if joint { 0.35 * context.sharpness(0.03) } else { 0.0 }
    } else if style < 0.5 {
        // Panels of concrete.
        let joint = beyond(along, 3.0) < 0.03 || beyond(z, 2.9) < 0.03;
        0.06 * context.fine(along, z, 0.03) - if joint { 0.35 * context.sharpness(0.06) } else { 0.0 }
    } else {
        0.10 * context.fine(along, z, 0.02)
    };
    matte(scaled(color, plinth * (1.0 + stain + pattern)))
}
