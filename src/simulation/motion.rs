//! Time passes in the world, each command from its own instant on.

use crate::runtime::ticker::TURN_S;
use sim::{Driver, World};
use types::Command;

/// Lets `seconds` pass. Commands are in rising stamp; `watch` looks at the world after each of its steps.
///
/// The world is a turn of the lidar ahead of what its sensors show: a command's stamp is in the world's own time.
pub fn pass(world: &mut World, commands: &[Command], seconds: f64, mut watch: impl FnMut(&mut World)) {
    let end = world.stamp().offset(TURN_S + seconds);
    let ahead = |world: &World| end.seconds_since(world.stamp().offset(TURN_S));
    for command in commands {
        let until = command.stamp.seconds_since(world.stamp().offset(TURN_S)).min(ahead(world));
        if until > 0.0 {
            world.advance(until);
            watch(world);
        }
        world.drive(Driver::Command(*command));
    }
    let rest = ahead(world);
    if rest > 0.0 {
        world.advance(rest);
        watch(world);
    }
}
