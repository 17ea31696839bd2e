//! The sensors of the simulated car, read at one instant; the camera in a thread of its own.

use super::PERIOD_S;
use super::judge::Judge;
use super::motion;
use crate::runtime::Input;
use crate::runtime::frame::SensorSet;
use anyhow::{Context, anyhow};
use crossbeam_channel::{Receiver, Sender, bounded};
use sim::World;
use std::sync::Arc;
use types::{CameraFrame, Command, InsFix, Truth};

/// A picture and the truth that knows what it shows.
type Picture = anyhow::Result<(CameraFrame, Truth)>;

/// The world and who reads its camera.
pub struct Sensing {
    world: World,
    camera: Camera,
    /// No sensor looks: the truth is told instead.
    told: bool,
}

enum Camera {
    /// The car has none.
    None,
    /// Read here, after the lidar.
    Here,
    /// Read in another thread from a twin of the world: the same seed and the same commands make the same world.
    Twin(Twin),
}

struct Twin {
    /// Commands until the next instant; without them the instant stays.
    requests: Option<Sender<Option<Vec<Command>>>>,
    pictures: Receiver<Picture>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Sensing {
    /// The sensors of a world at its first instant.
    ///
    /// # Errors
    /// If the camera's thread cannot be had.
    pub fn new(world: World, camera: bool, threaded: bool) -> anyhow::Result<Self> {
        let camera = match (camera, threaded) {
            (false, _) => Camera::None,
            (true, false) => Camera::Here,
            (true, true) => Camera::Twin(Twin::start(world.clone())?),
        };
        Ok(Self { world, camera, told: false })
    }

    /// No sensors but the truth: the state of the ego and all objects as they are.
    #[must_use]
    pub fn of_truth(world: World) -> Self {
        Self { world, camera: Camera::None, told: true }
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Reads all sensors at this instant.
    ///
    /// # Errors
    /// If the picture cannot be made.
    pub fn look(&mut self) -> anyhow::Result<SensorSet> {
        if let Camera::Twin(twin) = &self.camera {
            twin.ask(None)?;
        }
        self.read()
    }

    /// Lets the time until the next frame pass under these commands, then reads all sensors.
    ///
    /// # Errors
    /// If the picture cannot be made.
    pub fn pass(&mut self, commands: &[Command]) -> anyhow::Result<SensorSet> {
        self.pass_with(commands, |_| {})
    }

    /// The same, under a judge's eyes.
    ///
    /// # Errors
    /// If the picture cannot be made.
    pub fn pass_judged(&mut self, commands: &[Command], judge: &mut Judge) -> anyhow::Result<SensorSet> {
        self.pass_with(commands, |world| judge.moment(world))
    }

    fn pass_with(&mut self, commands: &[Command], watch: impl FnMut(&mut World)) -> anyhow::Result<SensorSet> {
        if let Camera::Twin(twin) = &self.camera {
            twin.ask(Some(commands.to_vec()))?;
        }
        motion::pass(&mut self.world, commands, PERIOD_S, watch);
        self.read()
    }

    /// What a set of sensors would have to find out.
    fn tell(&mut self) -> SensorSet {
        let world = &mut self.world;
        let ins = InsFix { state: world.ego(), ..world.ins_fix() };
        let (signals, truth) = (Arc::new(world.signals()), Arc::new(world.truth_with_posts()));
        SensorSet {
            stamp: world.stamp(),
            ins: Some(ins),
            signals: Some(Arc::clone(&signals)),
            unmatched: vec![Input::Signals(signals), Input::Truth(truth)],
            ..SensorSet::default()
        }
    }

    fn read(&mut self) -> anyhow::Result<SensorSet> {
        if self.told {
            return Ok(self.tell());
        }
        let world = &mut self.world;
        let sweep = world.lidar_sweep();
        let camera = match &self.camera {
            Camera::None => None,
            Camera::Here => Some(world.camera_frame()?),
            Camera::Twin(_) => None,
        };
        let mut truth = world.truth();
        let camera = match &self.camera {
            Camera::Twin(twin) => {
                let (picture, seen) = twin.picture()?;
                for (own, other) in truth.objects.iter_mut().zip(&seen.objects) {
                    (own.image, own.visible) = (other.image, other.visible);
                }
                Some(picture)
            }
            _ => camera,
        };
        let (signals, wheel_speed) = (Arc::new(world.signals()), world.wheel_speed());
        Ok(SensorSet {
            stamp: world.stamp(),
            camera: camera.map(Arc::new),
            lidar: Some(Arc::new(sweep)),
            ins: Some(world.ins_fix()),
            signals: Some(Arc::clone(&signals)),
            wheel_speed: Some(wheel_speed),
            unmatched: vec![Input::Signals(signals), Input::WheelSpeed(wheel_speed), Input::Truth(Arc::new(truth))],
        })
    }
}

impl Twin {
    fn start(mut world: World) -> anyhow::Result<Self> {
        let (requests, asked) = bounded::<Option<Vec<Command>>>(1);
        let (sender, pictures) = bounded(1);
        let body = move || {
            for commands in asked {
                if let Some(commands) = commands {
                    motion::pass(&mut world, &commands, PERIOD_S, |_| {});
                }
                let picture = world.camera_frame().map(|frame| (frame, world.truth()));
                if sender.send(picture.map_err(Into::into)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("camera".to_string()).spawn(body)?;
        Ok(Self { requests: Some(requests), pictures, thread: Some(thread) })
    }

    fn ask(&self, commands: Option<Vec<Command>>) -> anyhow::Result<()> {
        let sent = self.requests.as_ref().map(|requests| requests.send(commands));
        sent.transpose().ok().flatten().context("the camera's thread has ended")
    }

    fn picture(&self) -> Picture {
        self.pictures.recv().map_err(|_| anyhow!("the camera's thread has ended"))?
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        self.requests.take();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported as a missing picture.
            let _ = thread.join();
        }
    }
}
